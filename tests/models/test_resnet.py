import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.core import meta
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.models import discriminators, resnet

# Outputs of gan-compression's PyTorch networks (commit 111093f), run on a CPU with torch 2.13 on
# the parameters of `fill` and the picture of `wave`: mean, standard deviation, the first four and
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
# Parameters in the order in which PyTorch registers them.
DENSE = [f"block{i}/conv{j}" for i in range(9) for j in (1, 2)]
SEPARABLE = [f"{name}_{part}" for name in DENSE for part in ("depthwise", "pointwise")]


def layers(blocks):
    return ["stem", "down1", "down2", *blocks, "up1", "up2", "head"]


def fill(layers, shapes):
    """Parameters by the rule of the fixtures, in the names and layouts of this library."""
    flat_shapes, flat, t = flatten_dict(shapes, sep="/"), {}, 0
    for layer in layers:
        for leaf in ("kernel", "bias"):
            shape = flat_shapes[f"{layer}/{leaf}"].shape
            transposed = layer in ("up1", "up2")
            torch = shape
            if leaf == "kernel":
                torch = tuple(shape[i] for i in ((2, 3, 0, 1) if transposed else (3, 2, 0, 1)))
            k, size = np.arange(np.prod(torch)), np.prod(torch)
            scale = 1 / np.sqrt(size / torch[0]) if leaf == "kernel" else 0.1
            phase = (0.013 * k * k) % 6.283185307179586
            values = (scale * np.sin(1.7 * (t + 1) + 0.9 * k + phase)).astype(np.float32)
            values = values.reshape(torch)
            if leaf == "kernel" and transposed:  # IOHW, and stored flipped
                values = values[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
            elif leaf == "kernel":
                values = values.transpose(2, 3, 1, 0)
            flat[f"{layer}/{leaf}"], t = values, t + 1
    assert set(flat) == set(flat_shapes)
    return unflatten_dict(flat, sep="/")


def wave():
    k = np.arange(3 * 32 * 32)
    x = np.sin(0.37 * k + (0.0011 * k * k) % 6.283185307179586).astype(np.float32)
    return x.reshape(1, 3, 32, 32).transpose(0, 2, 3, 1)


def check(name, output):
    moments, first, last = FIXTURES[name]
    flat = np.asarray(output, np.float64).transpose(0, 3, 1, 2).ravel()
    np.testing.assert_allclose((flat.mean(), flat.std()), moments, atol=1e-4)
    np.testing.assert_allclose(flat[:4], first, atol=1e-4)
    np.testing.assert_allclose(flat[len(flat) - len(last) :], last, atol=1e-4)


def at(ngf, separable, entries):
    generator = resnet.generator(resnet.Spec(ngf=ngf, separable=separable))
    widths = {
        group: entry * times
        for slot, entry in zip(generator.slots, entries, strict=True)
        for group, times in slot.groups.items()
    }
    module = resnet.ResNet(widths, generator.spec.inner_groups, separable)
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
    return generator, meta.unbox(shapes["params"])


@pytest.mark.parametrize(
    ("name", "ngf", "entries", "tensors", "size"),
    [
        ("resnet_9blocks", 4, (4,) * 8, 48, 45_859),
        ("mobile_resnet_9blocks", 8, (8,) * 8, 84, 38_723),
        ("sub_mobile_resnet_9blocks", 8, (4, 6, 8, 4, 6, 8, 6, 4), 84, 28_387),
    ],
)
def test_the_published_networks(name, ngf, entries, tensors, size):
    separable = "mobile" in name
    generator, shapes = at(ngf, separable, entries)
    params = fill(layers(SEPARABLE if separable else DENSE), shapes)
    leaves = jax.tree.leaves(params)
    assert (len(leaves), sum(leaf.size for leaf in leaves)) == (tensors, size)
    check(name, jax.jit(lambda p, x: generator.apply(p, x).image)(params, wave()))


def test_the_published_discriminator():
    judge = discriminators.patch(discriminators.PatchSpec(ndf=4))
    shapes = jax.eval_shape(judge.init, jax.random.key(0))
    params = fill([f"conv{i}" for i in range(5)], shapes)
    check("n_layers", jax.jit(lambda p, x: judge.apply(p, x).logits)(params, wave()))


def test_weights_begin_normal_and_biases_at_zero(key):
    generator = resnet.generator(resnet.Spec(ngf=8, blocks=3, separable=True))
    check_initial(jax.jit(generator.init)(key))
    check_initial(jax.jit(discriminators.patch(discriminators.PatchSpec(ndf=8)).init)(key))


def check_initial(params):
    for path, array in flatten_dict(params, sep="/").items():
        if path.endswith("bias"):
            np.testing.assert_array_equal(array, 0)
        else:
            error = 5 / np.sqrt(array.size)  # five standard errors
            assert abs(array.mean()) < 0.02 * error, path
            assert abs(array.std() / 0.02 - 1) < error, path


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


@pytest.mark.parametrize(("name", "value"), [("ngf", 0), ("blocks", 0), ("blocks", 4)])
def test_specs_that_cannot_be_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value}"):
        resnet.Spec(**{name: value})
