import functools

import jax
import jax.numpy as jnp
import numpy as np
import peers
import pytest
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.errors import UserError
from ganc.export import layouts
from ganc.export import torch as checkpoints
from ganc.export.names import unet as names
from ganc.losses.distillation import Distil, adaptor_axes, init_adaptors
from ganc.models import unet
from ganc.models.flat import flatten, params_sha256

SMALL = unet.Spec(ngf=2, downs=5)
generator_of = functools.cache(unet.generator)


def pictures(size, count=2):
    shape = (count, size, size, 3)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@functools.cache
def applied(spec, momentum=None):
    apply = generator_of(spec).apply
    return jax.jit(lambda params, x, masks: apply(params, x, masks=masks, momentum=momentum))


def check_statistics(found, expected):
    assert set(found) == set(expected) != set()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("spec", [SMALL, unet.Spec(2, 5, "instance")], ids=str)
def test_equals_pytorch_under_its_names(spec, random_params):
    net, params, x = peers.unet(spec), random_params(generator_of(spec)), pictures(64)
    peers.load(net, params, names.layers(spec))
    expected = peers.apply(net, x)
    assert expected.std() > 0.05
    np.testing.assert_allclose(applied(spec)(params, x, None).image, expected, atol=1e-4)


@pytest.mark.parametrize("spec", [SMALL, unet.Spec(2, 5, deeper=True)], ids=str)
def test_training_equals_pytorch(spec, random_params):
    net, params, x = peers.unet(spec), random_params(generator_of(spec)), pictures(64)
    layers = peers.fill(net, params, peers.unet_layers(spec))
    expected, found = peers.apply(net, x, train=True), applied(spec, 0.1)(params, x, None)
    assert expected.std() > 0.05
    # 40 normalised layers in a row: single precision carries no further.
    np.testing.assert_allclose(found.image, expected, atol=3e-4 if spec.deeper else 1e-4)
    check_statistics(flatten(found.statistics), peers.statistics(net, layers))


def test_training_masked_equals_training_sliced(random_params):
    generator, x = generator_of(SMALL), pictures(64)
    params = random_params(generator)
    keep = {g: np.arange(1, w, 2) if w > 2 else np.arange(1) for g, w in generator.widths.items()}
    masks = channels.masks(keep, generator.widths)
    wide = applied(SMALL, 0.1)(params, x, masks)
    sliced = channels.slice_params(params, generator.axes, keep)
    narrow = applied(SMALL, 0.1)(sliced, x, None)
    np.testing.assert_allclose(wide.image, narrow.image, atol=1e-5)
    moved, before = flatten(wide.statistics), flatten(params)
    axes = flatten_dict(generator.axes, sep="/")
    for name, array in flatten(narrow.statistics).items():
        group = axes[name][0]
        np.testing.assert_allclose(moved[name][keep[group]], array, rtol=1e-4, atol=1e-5)
        left_out = np.delete(np.arange(len(moved[name])), keep[group])
        np.testing.assert_array_equal(moved[name][left_out], before[name][left_out])


def test_widths_are_those_of_the_table():
    widths = unet.generator(unet.Spec(16)).widths
    assert [widths[f"enc{i}"] // 16 for i in range(8)] == [1, 2, 4, 8, 8, 8, 8, 8]
    assert [widths[f"dec{i}"] // 16 for i in range(7, 0, -1)] == [8, 8, 8, 8, 4, 2, 1]


def test_taps_are_where_omgd_distils():
    generator = unet.generator(unet.Spec(16))
    params = jax.eval_shape(generator.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    taps = jax.eval_shape(generator.apply, params, x).taps
    assert {name: tap.shape[1:] for name, tap in taps.items()} == {
        "enc1": (64, 64, 32),
        "enc3": (16, 16, 128),
        "cat3": (16, 16, 256),
        "cat1": (64, 64, 64),
    }


@pytest.mark.parametrize(
    ("student", "teacher", "published"), [(16, 64, 352_000), (12, 48, 198_720), (8, 48, 133_440)]
)
def test_adaptors_have_the_published_size(student, teacher, published, key):
    narrow, wide = (unet.generator(unet.Spec(n)) for n in (student, teacher))
    outputs = {tap: channels.count(group, wide.widths) for tap, group in wide.taps.items()}
    shapes = jax.eval_shape(lambda k: init_adaptors(Distil(), k, narrow, wide), key)
    kernels = sum(adaptor["kernel"].size for adaptor in shapes.values())
    assert kernels + 2 * sum(outputs.values()) == published  # OMGD's have a batch norm each


def test_an_adaptor_is_sliced_with_the_groups_of_its_tap(key, random_params):
    generator = generator_of(SMALL)
    adaptors = init_adaptors(Distil(), key, generator, generator)
    axes = adaptor_axes(Distil(), generator, generator)
    sliced = channels.slice_params(
        {"adaptors": adaptors, "student": random_params(generator)},
        {"adaptors": axes, "student": generator.axes},
        {"enc1": np.array([0, 3]), "dec2": np.array([1])},
    )
    whole = adaptors["cat1"]["kernel"]  # enc1 has four channels
    np.testing.assert_array_equal(sliced["adaptors"]["cat1"]["kernel"], whole[np.array([0, 3, 5])])


def test_the_deeper_net_has_28_blocks():
    groups = [group for slot in unet.Spec(deeper=True).slots() for group in slot.groups]
    assert sum(group.endswith("_thin") for group in groups) == 28


def test_weights_begin_normal_scales_near_one_and_biases_at_zero(key):
    params = flatten_dict(jax.jit(unet.generator(unet.Spec(8, 5)).init)(key), sep="/")
    assert {"dec0/bias", "enc1_norm/scale"} < set(params)
    for name, array in params.items():
        if name.endswith(("bias", "mean", "var")):
            np.testing.assert_array_equal(array, float(name.endswith("var")))
            continue
        error = 5 / np.sqrt(array.size)  # five standard errors
        assert abs(array.mean() - name.endswith("scale")) < 0.02 * error, name
        assert abs(array.std() / 0.02 - 1) < error, name


def test_the_published_names():
    theirs = [layer.theirs for layer in names.layers(unet.Spec())]
    inside = "model.model.1.model" + 6 * ".3.model"
    assert theirs[:3] == ["model.model.0", "model.model.1.model.1", "model.model.1.model.2"]
    assert theirs[13:16] == [f"{inside}.1", f"{inside}.3", f"{inside}.4"]
    assert theirs[-2:] == ["model.model.1.model.6", "model.model.3"]


def test_a_deeper_net_cannot_be_exchanged():
    with pytest.raises(UserError, match="a deeper U-Net has no known names"):
        names.layers(unet.Spec(deeper=True))


def state_dict(spec, **narrow):
    generator = unet.generator(spec)
    widths = dict(generator.widths) | narrow
    shapes = jax.eval_shape(lambda: generator.init(jax.random.key(0), widths))
    flat = {
        name: np.broadcast_to(np.float32(0), leaf.shape)
        for name, leaf in flatten_dict(shapes, sep="/").items()
    }
    arrays = layouts.to_torch(flat, names.layers(spec))
    return {name: array.shape for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("spec", "narrow"),
    [
        (unet.Spec(3, 8), {}),
        (unet.Spec(3, 5, "instance"), {}),
        (unet.Spec(3, 7), {"enc0": 1, "dec1": 1, "enc6": 17, "dec4": 2}),
    ],
)
def test_what_a_state_dict_holds_is_recognised(spec, narrow):
    shapes = state_dict(spec, **narrow) | {"model.model.1.model.6.num_batches_tracked": ()}
    assert names.recognise(shapes) == (spec, names.layers(spec))


def test_the_least_width_that_contains_a_subnet_is_taken():
    widths = {group: 1 for group in unet.generator(SMALL).widths}
    found, _ = names.recognise(state_dict(SMALL, **widths | {"enc3": 9}))
    assert found == unet.Spec(2, 5)


@pytest.mark.parametrize("name", ["model.model.0", "model.model.1.model.3.model.5"])
def test_other_state_dicts_are_not_recognised(name):
    shapes = state_dict(SMALL)
    assert names.recognise(shapes) is not None
    for shape in ((), (2, 3), (2, 3, 4, 4, 4)):
        assert names.recognise(shapes | {f"{name}.weight": shape}) is None
    del shapes[f"{name}.weight"]
    assert names.recognise(shapes) is None
    assert names.recognise({}) is None
    assert names.recognise({"model.1.weight": (4, 3, 7, 7)}) is None


@pytest.mark.parametrize("spec", [SMALL, unet.Spec(2, 5, "instance")], ids=str)
def test_a_checkpoint_goes_in_and_out(spec, tmp_path, random_params):
    torch = peers.pytorch()
    net, params = peers.unet(spec), random_params(generator_of(spec))
    peers.load(net, params, names.layers(spec))
    state = net.state_dict()
    # Old versions of PyTorch measured under instance norms too.
    state = {"model.model.1.model.2.running_mean": torch.zeros(4), **state}
    torch.save(state, tmp_path / "net.pth")
    found = checkpoints.load(tmp_path / "net.pth", "unet")
    assert (found.generator.spec, found.arch) == (spec, (2,) * 9)
    assert params_sha256(found.params) == params_sha256(params)
    checkpoints.save(tmp_path / "out.pth", found.generator, found.params)
    out = torch.load(tmp_path / "out.pth", weights_only=True)
    assert set(out) == {k for k in net.state_dict() if not k.endswith("num_batches_tracked")}


def test_sizes_that_cannot_be_are_refused(random_params):
    with pytest.raises(ValueError, match="multiples of 32 and at least 32, got 48x32"):
        generator_of(SMALL).apply(random_params(generator_of(SMALL)), jnp.zeros((1, 48, 32, 3)))


@pytest.mark.parametrize(("name", "value"), [("ngf", 0), ("downs", 4), ("norm", "layer")])
def test_specs_that_cannot_be_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got '?{value}"):
        unet.Spec(**{name: value})
