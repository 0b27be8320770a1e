import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc.errors import UserError
from ganc.export.layouts import Layer
from ganc.export.names import resnet as names
from ganc.metrics import cost
from ganc.models import discriminators, resnet
from ganc.search.space import Space

# Outputs of gan-compression's PyTorch networks (commit 111093f), run on a CPU with torch 2.13 on
# parameters and a picture of the fixtures' rule: mean, standard deviation, the first four and
# the last three values of the flattened NCHW output.
FIXTURES = {
    "resnet_9blocks": (
        (0.251093, 0.395454),
        (-0.25502, 0.35747, -0.19788, 0.47866),
        (0.26047, 0.39900, 0.09640),
    ),
    "mobile_resnet_9blocks": (
        (0.022083, 0.414054),
        (-0.93059, 0.13947, -0.49876, 0.65493),
        (-0.08224, 0.09993, -0.07291),
    ),
    "sub_mobile_resnet_9blocks": (
        (-0.120688, 0.392727),
        (-0.47009, 0.27890, -0.40432, 0.44873),
        (0.15188, 0.34737, 0.02405),
    ),
    "n_layers": ((-0.404885, 0.352652), (-0.58804, -0.48807, -0.73080, 0.18737), ()),
}


def at(ngf, separable, entries):
    generator = resnet.generator(resnet.Spec(ngf=ngf, separable=separable))
    widths = {
        group: entry * times
        for slot, entry in zip(generator.slots, entries, strict=True)
        for group, times in slot.groups.items()
    }
    return generator, jax.eval_shape(lambda: generator.init(jax.random.key(0), widths))


@pytest.mark.parametrize(
    ("name", "ngf", "entries", "tensors", "size"),
    [
        ("resnet_9blocks", 4, (4,) * 8, 48, 45_859),
        ("mobile_resnet_9blocks", 8, (8,) * 8, 84, 38_723),
        ("sub_mobile_resnet_9blocks", 8, (4, 6, 8, 4, 6, 8, 6, 4), 84, 28_387),
    ],
)
def test_the_published_networks(
    name, ngf, entries, tensors, size, published_fill, published_picture, check_published
):
    generator, shapes = at(ngf, "mobile" in name, entries)
    params = published_fill(names.layers(generator.spec), shapes)
    leaves = jax.tree.leaves(params)
    assert (len(leaves), sum(leaf.size for leaf in leaves)) == (tensors, size)
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    check_published(apply(params, published_picture(3, 32, 32)), *FIXTURES[name])


def test_the_published_discriminator(published_fill, published_picture, check_published):
    judge = discriminators.patch(discriminators.PatchSpec(ndf=4))
    shapes = jax.eval_shape(judge.init, jax.random.key(0))
    params = published_fill([Layer(f"conv{i}", f"model.{i}") for i in range(5)], shapes)
    logits = jax.jit(lambda p, x: judge.apply(p, x).logits)(params, published_picture(3, 32, 32))
    check_published(logits, *FIXTURES["n_layers"])


def test_weights_begin_normal_and_biases_at_zero(key, check_normal):
    generator = resnet.generator(resnet.Spec(ngf=8, blocks=3, separable=True))
    check_normal(jax.jit(generator.init)(key))
    check_normal(jax.jit(discriminators.patch(discriminators.PatchSpec(ndf=8)).init)(key))


def test_inputs_are_clamped(random_params):
    generator = resnet.generator(resnet.Spec(ngf=4, blocks=3))
    params = random_params(generator)
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    x = np.random.default_rng(0).normal(0, 2, (1, 16, 16, 3)).astype(np.float32)
    np.testing.assert_array_equal(apply(params, x), apply(params, x.clip(-1, 1)))


def test_smallest_size(random_params):
    generator = resnet.generator(resnet.Spec(ngf=4, blocks=3))
    x = jnp.zeros((1, generator.minimum, generator.minimum + 4, 3))
    shape = jax.eval_shape(generator.apply, random_params(generator), x).image.shape
    assert shape == x.shape


@pytest.mark.parametrize("shape", [(1, 18, 16, 3), (1, 16, 18, 3), (1, 4, 16, 3), (1, 16, 4, 3)])
def test_sizes_that_cannot_be_are_refused(shape, random_params):
    generator = resnet.generator(resnet.Spec(ngf=4, blocks=3))
    size = f"multiples of 4 and at least 8, got {shape[1]}x{shape[2]}"
    with pytest.raises(ValueError, match=size):
        generator.apply(random_params(generator), jnp.zeros(shape))


@pytest.mark.parametrize("shape", [(16, 16, 3), (1, 16, 16, 1), (1, 3, 16, 16)])
def test_what_is_no_batch_of_pictures_is_refused(shape, random_params):
    generator = resnet.generator(resnet.Spec(ngf=4, blocks=3))
    with pytest.raises(ValueError, match=r"a batch of pictures is \(b, h, w, 3\)"):
        generator.apply(random_params(generator), jnp.zeros(shape))


@pytest.mark.parametrize(
    ("name", "value"), [("ngf", 0), ("blocks", 0), ("blocks", 4), ("entries", 7), ("norm", "layer")]
)
def test_specs_that_cannot_be_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got '?{value}"):
        resnet.Spec(**{name: value})


def test_legacy_strings_need_nine_blocks():
    with pytest.raises(ValueError, match="legacy must have 9 blocks, got 6"):
        resnet.Spec(blocks=6, legacy=True)


def test_a_string_of_six_entries_drives_all_blocks_alike():
    six = resnet.Spec(separable=True, entries=6)
    widths = Space(six.slots(), tuple((n,) for n in (24, 24, 24, 32, 20, 16))).widths
    found = widths((24, 24, 24, 32, 20, 16))
    assert [found[f"block{i}"] for i in range(9)] == [4 * 32] * 9
    assert (found["up1"], found["up2"]) == (2 * 20, 16)


def test_the_legacy_rule_narrows_every_third_block():
    old = resnet.Spec(separable=True, legacy=True)
    widths = Space(old.slots(), ((64, 8),) * 8).widths((8, 8, 64, 8, 8, 8, 8, 8))
    assert [widths[f"block{i}"] for i in range(9)] == [32, 256, 256] * 3


def test_only_thirteen_norms_can_be_slimmed():
    params = jax.eval_shape(resnet.generator(resnet.Spec(norm="slimming")).init, jax.random.key(0))
    scales = {k: v.size for k, v in flatten_dict(params, sep="/").items() if k.endswith("scale")}
    assert (len(scales), sum(scales.values())) == (13, 2_688)


def test_a_net_without_its_blocks_costs_what_is_published():
    generator = resnet.generator(resnet.Spec(norm="slimming"))
    widths = dict(generator.widths) | {f"block{i}": 0 for i in range(9)}
    assert cost.macs(generator, 256, 256, "convolutions")(widths) == 13_312_720_896
    assert cost.macs(generator, 256, 256, "true")(widths) == 6_064_963_584


def test_slimming_begins_with_the_distribution_of_pytorch(key):
    generator = resnet.generator(resnet.Spec(ngf=8, blocks=3, norm="slimming"))
    params = flatten_dict(jax.jit(generator.init)(key), sep="/")
    for path, array in params.items():
        if path.endswith("scale") or "norm" in path:
            np.testing.assert_array_equal(array, float(path.endswith("scale")))
            continue
        kernel = params[path.replace("bias", "kernel")]
        fan = kernel[..., 0, :] if path.startswith("up") else kernel[..., 0]
        bound = fan.size**-0.5
        assert np.abs(array).max() <= bound
        if path.endswith("kernel"):
            assert np.abs(array).max() > 0.95 * bound
            assert abs(array.std() * 3**0.5 / bound - 1) < 5 / np.sqrt(array.size)


def test_resizing_costs_four_times_the_two_transposed_convolutions():
    def price(upsampling):
        generator = resnet.generator(resnet.Spec(ngf=4, blocks=3, upsampling=upsampling))
        return cost.macs(generator, 16, 16, "true")(generator.widths)

    # 3x3 taps, 16 to 8 channels at 4 px and 8 to 4 at 8 px.
    transposed = 9 * 16 * 8 * 4**2 + 9 * 8 * 4 * 8**2
    assert price("resize") - price("transposed") == 3 * transposed


def test_a_network_that_resizes_has_no_names_in_pytorch():
    with pytest.raises(UserError, match="--upsampling resize"):
        names.layers(resnet.Spec(upsampling="resize"))
