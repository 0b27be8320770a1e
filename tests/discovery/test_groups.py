"""Channel groups of small functions, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ganc.channels import masks, slice_params
from ganc.discovery.generator import own
from ganc.discovery.groups import analyse, discover

X = jax.ShapeDtypeStruct((2, 3), jnp.float32)


def shapes(**sizes):
    return {name: jax.ShapeDtypeStruct(size, jnp.float32) for name, size in sizes.items()}


def draw(shapes):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda s: np.float32(rng.normal(0, 0.3, s.shape)), shapes)


def check_masked_is_sliced(network, params, x, keep):
    generator = own(network, params, x)
    apply = jax.jit(lambda p, m: generator.apply(p, x, masks=m).image)
    masked = apply(params, masks(keep, generator.widths))
    sliced = jax.jit(lambda p: generator.apply(p, x).image)(
        slice_params(params, generator.axes, keep)
    )
    np.testing.assert_allclose(masked, sliced, atol=1e-5, rtol=1e-5)
    assert np.abs(masked - np.asarray(network(params, x))).max() > 1e-3


def through(function):
    """Channels `a` go through a function and out by `b`."""
    return lambda p, x: function(x @ p["a"]) @ p["b"]


@jax.custom_vjp
def doubled(y):
    return 2 * y


doubled.defvjp(lambda y: (doubled(y), None), lambda _, slope: (2 * slope,))


TWICE = ("a", "a")
FOUND = {
    "activations": (jax.nn.gelu, 8, "a"),
    "a softplus, which has a derivative of its own": (jax.nn.softplus, 8, "a"),
    "a sum with itself": (lambda y: y + jnp.flip(y, 0), 8, "a"),
    "jit": (jax.jit(jnp.tanh), 8, "a"),
    "checkpoint": (jax.checkpoint(jnp.tanh), 8, "a"),
    "a new axis": (lambda y: (y[:, None, :] * jnp.ones((4, 1))).sum(1), 8, "a"),
    "stacking": (lambda y: jnp.stack([y, 2 * y], 1).max(1), 8, "a"),
    "select": (lambda y: jnp.where(y > 0, y, 0.1 * y), 8, "a"),
    "clip": (lambda y: jnp.clip(y, -1, 1), 8, "a"),
    "layer norm": (lambda y: (y - y.mean(-1, keepdims=True)) / y.std(-1, keepdims=True), 8, "a"),
    "a uniform constant": (lambda y: y * np.full(8, 2.0, np.float32), 8, "a"),
    "rows picked by index": (lambda y: y[jnp.array([1, 0])], 8, "a"),
    "rows put by index": (lambda y: jnp.exp(y).at[jnp.array([1, 1])].add(2 * y), 8, "a"),
    "a row that is set": (lambda y: jnp.asarray(y).at[1].set(jnp.cos(y[0])), 8, "a"),
    "a derivative of its own": (doubled, 8, "a"),
    "einsum": (lambda y: jnp.einsum("bc,dc,bd->bc", y, y, jnp.ones((2, 2))), 8, "a"),
    "a loop that keeps its rows": (
        lambda y: lax.scan(jax.checkpoint(lambda c, x: (c, x * jnp.exp(c))), y, jnp.stack([y]))[1][
            0
        ],
        8,
        "a",
    ),
    "a loop": (lambda y: lax.scan(lambda c, x: (c + x, c), y, jnp.stack([y, y]))[0], 8, "a"),
    "a gated linear unit": (jax.nn.glu, 4, TWICE),
    "halves swapped": (lambda y: y * jnp.concatenate([y[:, 4:], y[:, :4]], -1), 8, TWICE),
    "a group norm": (
        lambda y: (y.reshape(2, 2, 4) / y.reshape(2, 2, 4).std(-1, keepdims=True)).reshape(2, 8),
        8,
        TWICE,
    ),
}
REFUSED = {
    "softmax": (jax.nn.softmax, "reduce_max over channels"),
    "sort": (jnp.sort, "sort along channels"),
    "cumsum": (lambda y: jnp.cumsum(y, -1), "cumsum along channels"),
    "flip": (lambda y: jnp.flip(y, -1), "rev along channels"),
    "a ramp": (lambda y: y * np.arange(8, dtype=np.float32), "a constant of 8 places"),
    "fft": (lambda y: jnp.fft.fft(y).real, "fft is not understood"),
    "a branch": (lambda y: lax.cond(y[0, 0] > 0, jnp.sin, jnp.cos, y), "cond is not understood"),
    "interleaving": (lambda y: jnp.repeat(y[:, :4], 2, -1), "several places in a row"),
    "padding": (lambda y: jnp.pad(y[:, :6], ((0, 0), (1, 1))), "pad of channels"),
    "channels that are set": (lambda y: y.at[:, 1].set(0.0), "scatter along channels"),
    "every second": (lambda y: jnp.concatenate([y[:, ::2]] * 2, -1), "slice of every 2th channel"),
}  # fmt: skip


@pytest.mark.parametrize(("function", "out", "group"), FOUND.values(), ids=FOUND)
def test_groups_follow_the_computation(function, out, group):
    found = analyse(through(function), shapes(a=(3, 8), b=(out, 3)), X)
    entering = "a" if out == 4 else group
    assert found.axes == {"a": (None, group), "b": (entering, None)}, found.report()
    assert found.frozen == ()


@pytest.mark.parametrize(("function", "out", "group"), FOUND.values(), ids=FOUND)
def test_every_rule_is_evaluated_at_other_widths(function, out, group):
    params = draw(shapes(a=(3, 8), b=(out, 3)))
    x = np.random.default_rng(1).uniform(-1, 1, X.shape).astype(np.float32)
    keep = {"a": np.array([1, 2]) if group == TWICE else np.array([0, 3, 6])}
    check_masked_is_sliced(through(function), params, x, keep)


@pytest.mark.parametrize(("function", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_stays_and_is_reported(function, reason):
    found = analyse(through(function), shapes(a=(3, 8), b=(8, 3)), X)
    assert found.axes["b"] == (None, None)
    told = {
        name for frozen in found.frozen if reason in frozen.reason for name in frozen.parameters
    }
    assert {"b"} <= told, found.report()
    assert reason in found.report()


def test_channels_of_noise_stay():
    def network(p, x):
        y = x @ p["a"]
        return (y + jax.random.normal(jax.random.key(0), y.shape)) @ p["b"]

    found = analyse(network, shapes(a=(3, 8), b=(8, 3)), X)
    assert found.axes == {"a": (None, None), "b": (None, None)}
    assert "random_bits is not understood" in found.report()


def test_a_refusal_leaves_other_channels_alone():
    def network(p, x):
        return jax.nn.softmax(jnp.tanh(x @ p["a"]) @ p["b"]) @ p["c"]

    found = analyse(network, shapes(a=(3, 8), b=(8, 4), c=(4, 3)), X)
    assert found.axes == {"a": (None, "a"), "b": ("a", None), "c": (None, None)}
    (frozen,) = found.frozen
    assert (frozen.parameters, frozen.size) == (("b", "c"), 4)


def test_channels_beside_those_of_the_input_stay():
    found = analyse(
        lambda p, x: jnp.concatenate([x @ p["a"], x], -1) @ p["b"], shapes(a=(3, 8), b=(11, 3)), X
    )
    assert found.axes == {"a": (None, None), "b": (None, None)}
    assert found.frozen[0].reason == "an axis that holds fixed channels too"


def test_what_the_picture_fixes_is_no_refusal():
    found = analyse(lambda p, x: jax.nn.softmax(x @ p["a"]), shapes(a=(3, 8)), X)
    assert found.axes == {"a": (None, None)} and found.frozen == ()


def test_a_trunk_is_one_group_and_a_concatenation_two():
    def network(p, x):
        trunk = x @ p["a"]
        trunk = trunk + jnp.tanh(trunk @ p["b"]) @ p["c"]
        return jnp.concatenate([trunk, x @ p["d"]], -1) @ p["e"]

    sizes = {"a": (3, 8), "b": (8, 4), "c": (4, 8), "d": (3, 5), "e": (13, 3)}
    assert discover(network, shapes(**sizes), X) == {
        "a": (None, "a"),
        "b": ("a", "b"),
        "c": ("b", "a"),
        "d": (None, "d"),
        "e": (("a", "d"), None),
    }


def test_layers_in_a_scan_share_their_groups():
    def network(p, x):
        step = lambda y, w: (y + jnp.tanh(y @ w["in"]) @ w["out"], None)  # noqa: E731
        return lax.scan(step, x @ p["a"], p["layers"])[0] @ p["b"]

    layers = shapes(**{"in": (5, 8, 4), "out": (5, 4, 8)})
    axes = discover(network, shapes(a=(3, 8), b=(8, 3)) | {"layers": layers}, X)
    assert axes == {
        "a": (None, "a"),
        "b": ("a", None),
        "layers": {"in": (None, "a", "layers"), "out": (None, "layers", "a")},
    }
    params = draw(shapes(a=(3, 8), b=(8, 3)) | {"layers": layers})
    keep = {"a": np.array([1, 2, 7]), "layers": np.array([0, 3])}
    check_masked_is_sliced(network, params, np.ones((2, 3), np.float32), keep)


def convolve(x, kernel, blocks=1, **options):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=blocks, **options
    )


def test_convolutions_in_blocks_lose_the_same_channels_of_each():
    def network(p, x):
        x = convolve(x, p["first"])
        x = convolve(x, p["depthwise"], 8)
        x = convolve(x, p["blocks"], 2)
        return convolve(x, p["last"], rhs_dilation=(2, 2))

    sizes = {
        "first": (1, 1, 3, 8),
        "depthwise": (3, 3, 1, 8),
        "blocks": (3, 3, 4, 6),
        "last": (1, 1, 6, 3),
    }
    x = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    assert discover(network, shapes(**sizes), x) == {
        "first": (None, None, None, ("first", "first")),
        "depthwise": (None, None, None, ("first", "first")),
        "blocks": (None, None, "first", ("blocks", "blocks")),
        "last": (None, None, ("blocks", "blocks"), None),
    }


def test_kernels_per_picture_are_one_grouped_convolution():
    """StyleGAN's fused form, whose groups are the pictures."""

    def network(p, x):
        y = convolve(x, p["first"])
        kernel = p["second"][None] * jnp.mean(y, (1, 2))[:, None, None, :, None]
        b, h, w, c = y.shape
        y = y.transpose(1, 2, 0, 3).reshape(1, h, w, b * c)
        kernel = kernel.transpose(1, 2, 3, 0, 4).reshape(3, 3, kernel.shape[3], -1)
        y = convolve(y, kernel, b).reshape(h, w, b, -1).transpose(2, 0, 1, 3)
        return convolve(y, p["last"])

    params = draw(shapes(first=(1, 1, 3, 8), second=(3, 3, 8, 4), last=(1, 1, 4, 3)))
    x = np.random.default_rng(1).uniform(-1, 1, (2, 4, 4, 3)).astype(np.float32)
    keep = {"first": np.array([0, 3, 4]), "second": np.array([1, 3])}
    check_masked_is_sliced(network, params, x, keep)
