import functools

import jax
import numpy as np
import pytest

from ganc import channels
from ganc.errors import UserError
from ganc.export import layouts
from ganc.export.names import spade as names
from ganc.metrics import cost
from ganc.models import spade
from ganc.models.flat import flatten
from ganc.models.spade_layers import shrink
from ganc.models.statistics import merge, recalibrate
from ganc.search.space import Space
from ganc.train.sharding import data_mesh, replicate, split

# Outputs of gan-compression's PyTorch networks (commit 111093f), run on a CPU with torch 2.13 on
# parameters and a picture of the fixtures' rule: mean, standard deviation, the first four and
# the last three values of the flattened NCHW output.
FIXTURES = {
    "spade": (
        (0.062876, 0.144777),
        (-0.00289, 0.00492, -0.00361, -0.00463),
        (0.19877, 0.07863, -0.00561),
    ),
    "mobile_spade": (
        (0.018388, 0.481416),
        (0.13044, 0.27898, 0.16825, 0.41639),
        (-0.11715, -0.14655, -0.05064),
    ),
}
made = functools.cache(spade.generator)
TRAINED = spade.Spec(2, labels=5, upsampling="normal", spectral=True)


@functools.cache
def trained():
    """The generator as it is trained, compiled once for the tests of one device."""
    generator = made(TRAINED)
    return generator, jax.jit(lambda p, x: generator.apply(p, x, momentum=0.1))


def label_maps(count=2, side=64):
    return np.random.default_rng(1).uniform(-1, 1, (count, side, side, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "tensors", "size"), [("spade", 144, 96_493), ("mobile_spade", 216, 76_045)]
)
def test_the_published_networks(
    name, tensors, size, published_fill, published_picture, check_published
):
    generator = made(spade.Spec(2, labels=6, separable="mobile" in name))
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    assert generator.divisor == 64
    params = published_fill(names.layers(generator.spec), shapes)
    learned = [leaf for path, leaf in flatten(params).items() if path not in generator.statistics]
    assert (len(learned), sum(leaf.size for leaf in learned)) == (tensors, size)
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    check_published(apply(params, published_picture(6, 128, 256)), *FIXTURES[name])


@pytest.mark.parametrize(
    ("spec", "size", "arch", "params", "macs"),
    [
        (spade.Spec(48, separable=True), (256, 512), "32_40_40_32_40_24_32_24", "21.0M", "31.2G"),
        (
            spade.Spec(labels=184, separable=True, upsampling="normal"),
            (256, 256),
            "40_32_32_40_32_40_24_24",
            "26.0M",
            "35.5G",
        ),
    ],
    ids=["city-retrained", "coco-fast"],
)
def test_published_costs_that_are_known_to_three_digits(spec, size, arch, params, macs):
    """The table of gan-compression's README; the strings are those of its scripts."""
    generator = made(spec)
    entries = tuple(map(int, arch.split("_")))
    widths = Space(generator.slots, tuple((entry,) for entry in entries)).widths(entries)
    assert f"{cost.params(generator)(widths) / 1e6:.1f}M" == params
    assert f"{cost.macs(generator, *size)(widths) / 1e9:.1f}G" == macs


def test_initial_weights_are_xavier_normal_of_gain_002(key):
    generator = made(spade.Spec(4, 5, separable=True, upsampling="normal"))
    places = ("fc", "up_2", "conv_img")  # the other blocks are alike, and take long to compile
    init = jax.jit(lambda key: {place: generator.init(key)[place] for place in places})
    for path, array in flatten(init(key)).items():
        if path.endswith("kernel"):
            *area, inputs, outputs = array.shape
            expected = 0.02 * np.sqrt(2 / (np.prod(area) * (inputs + outputs)))
            error = 5 / np.sqrt(array.size)  # five standard errors
            assert abs(array.mean()) < expected * error, path
            assert abs(array.std() / expected - 1) < error, path
        else:
            np.testing.assert_array_equal(array, path.endswith("var"))


def test_labels_are_shrunk_as_torch_interpolates():
    x = np.arange(8 * 12).reshape(1, 8, 12, 1)
    np.testing.assert_array_equal(shrink(x, 2)[0, :, :, 0], [[0, 4, 8], [48, 52, 56]])
    np.testing.assert_array_equal(shrink(x, 8), x)


def torch_peer(torch):
    """The network of `TRAINED` in PyTorch."""
    functional = torch.nn.functional

    def conv(source, target, size=3, spectral=False, **options):
        layer = torch.nn.Conv2d(source, target, size, padding=size // 2, **options)
        return torch.nn.utils.spectral_norm(layer) if spectral else layer

    class Norm(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            hidden = 2 * TRAINED.ngf
            self.param_free_norm = torch.nn.BatchNorm2d(width, affine=False)
            self.mlp_shared = torch.nn.Sequential(conv(TRAINED.labels, hidden), torch.nn.ReLU())
            self.mlp_gamma, self.mlp_beta = conv(hidden, width), conv(hidden, width)

        def forward(self, x, labels):
            y = self.mlp_shared(functional.interpolate(labels, size=x.shape[2:], mode="nearest"))
            return self.param_free_norm(x) * (1 + self.mlp_gamma(y)) + self.mlp_beta(y)

    class Block(torch.nn.Module):
        def __init__(self, source, target):
            super().__init__()
            options = {"spectral": True}
            self.conv_0 = conv(source, target, **options)
            self.conv_1 = conv(target, target, **options)
            if source != target:
                self.conv_s = conv(source, target, 1, bias=False, **options)
            self.norm_0, self.norm_1 = Norm(source), Norm(target)
            if source != target:
                self.norm_s = Norm(source)

        def forward(self, x, labels):
            def activated(norm, y):
                return functional.leaky_relu(norm(y, labels), 0.2)

            y = self.conv_1(activated(self.norm_1, self.conv_0(activated(self.norm_0, x))))
            return y + (self.conv_s(self.norm_s(x, labels)) if hasattr(self, "conv_s") else x)

    class Peer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            n = TRAINED.ngf
            self.fc = conv(TRAINED.labels, 16 * n)
            self.head_0, self.G_middle_0, self.G_middle_1 = (Block(16 * n, 16 * n) for _ in "abc")
            self.up_0, self.up_1 = Block(16 * n, 8 * n), Block(8 * n, 4 * n)
            self.up_2, self.up_3 = Block(4 * n, 2 * n), Block(2 * n, n)
            self.conv_img = conv(n, 3)

        def forward(self, labels):
            small = functional.interpolate(labels, scale_factor=1 / 32, mode="nearest")
            x = self.head_0(self.fc(small), labels)
            x = self.G_middle_0(functional.interpolate(x, scale_factor=2), labels)
            x = self.G_middle_1(x, labels)
            for block in (self.up_0, self.up_1, self.up_2, self.up_3):
                x = block(functional.interpolate(x, scale_factor=2), labels)
            return torch.tanh(self.conv_img(functional.leaky_relu(x, 0.2)))

    return Peer()


def test_a_training_step_and_evaluation_are_those_of_torch(random_params):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    generator, apply = trained()
    assert generator.divisor == 32
    params, x = random_params(generator), label_maps()
    found, peer = names.layers(generator.spec), torch_peer(torch)
    arrays = layouts.to_torch(flatten(params), found)
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    missing, unexpected = peer.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)

    def expected():
        with torch.no_grad():
            return peer(torch.tensor(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)

    output = apply(params, x)
    assert np.std(output.image) > 0.01
    np.testing.assert_allclose(output.image, expected(), atol=1e-4)
    measured = layouts.to_torch(flatten(output.statistics), found)
    assert len(measured) == 2 * 18 + 2 * 18
    for name, array in measured.items():
        np.testing.assert_allclose(array, peer.state_dict()[name], atol=1e-4, err_msg=name)

    peer.eval()
    folded, spec = spade.fold(merge(params, output.statistics), generator.spec)
    assert spec == spade.Spec(2, labels=5, upsampling="normal")
    plain = jax.jit(lambda p, x: made(spec).apply(p, x).image)(folded, x)
    np.testing.assert_allclose(plain, expected(), atol=1e-4)


def test_two_devices_measure_and_draw_what_one_does(random_params):
    generator, apply = trained()
    params, x = random_params(generator), label_maps()
    mesh = data_mesh(len(x))
    assert mesh.size == 2
    one = apply(params, x)
    two = apply(replicate(params, mesh), jax.device_put(x, split(mesh)))
    assert len(two.image.sharding.device_set) == 2
    np.testing.assert_allclose(two.image, one.image, atol=1e-4)
    before = flatten(params)
    statistics = flatten(one.statistics)
    for path, array in flatten(two.statistics).items():
        np.testing.assert_allclose(array, statistics[path], atol=1e-4, err_msg=path)
        assert np.abs(array - before[path]).max() > 1e-3


def test_a_subnet_is_recalibrated_alike_masked_and_sliced(random_params):
    generator = made(spade.Spec(2, labels=5, upsampling="normal"))
    params = random_params(generator)
    keep = {group: np.arange(0, width, 2) for group, width in generator.widths.items()}
    maps = np.split(label_maps(4), 2)
    masked = recalibrate(generator, params, maps, masks=channels.masks(keep, generator.widths))
    sliced = recalibrate(generator, channels.slice_params(params, generator.axes, keep), maps)
    found = flatten(channels.slice_params(masked, generator.axes, keep))
    for path, array in flatten(sliced).items():
        np.testing.assert_allclose(found[path], array, rtol=1e-3, atol=1e-4, err_msg=path)
    before = flatten(params)
    for path in generator.statistics:
        others = np.arange(1, len(before[path]), 2)
        np.testing.assert_allclose(flatten(masked)[path][others], before[path][others], rtol=1e-6)


def test_with_spectral_norm_neither_masked_nor_sliced(random_params):
    generator = made(TRAINED)
    params, x = random_params(generator), label_maps(1)
    keep = channels.prefix({group: width // 2 for group, width in generator.widths.items()})
    masks = channels.masks(keep, generator.widths)
    with pytest.raises(UserError, match="takes no masks: fold it first"):
        generator.apply(params, x, masks=masks)
    with pytest.raises(UserError, match="sliced after its spectral norm is folded"):
        jax.eval_shape(generator.apply, channels.slice_params(params, generator.axes, keep), x)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ngf", 0, "ngf must be at least 1, got 0"),
        ("labels", 0, "labels must be at least 1, got 0"),
        ("upsampling", "most", "upsampling must be more or normal, got 'most'"),
    ],
)
def test_specs_that_cannot_be_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        spade.Spec(**{name: value})
