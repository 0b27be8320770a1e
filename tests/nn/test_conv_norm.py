from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc.nn.call import bind
from ganc.nn.conv_norm import conv_norm, cyclegan_layer
from ganc.nn.layers import Conv, ConvTranspose, leaky
from ganc.nn.norm import InstanceNorm
from ganc.nn.separable import SeparableConv, same_conv

WIDTHS = {"a": 4, "b": 2}


class Inside(nn.Module):
    """A compact module around one function."""

    function: object

    @nn.compact
    def __call__(self, x):
        return self.function(x)


def names_of(function, x):
    variables = jax.eval_shape(Inside(function).init, jax.random.key(0), x)
    return set(flatten_dict(nn.unbox(variables)["params"], sep="/"))


def drawn(function, x, masks=None):
    shapes = nn.unbox(jax.eval_shape(Inside(function).init, jax.random.key(0), x))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: np.float32(rng.normal(size=leaf.shape)), shapes["params"])
    return params, Inside(function).apply({"params": params, **bind(masks)}, x)


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(2, 5, 6, 4)).astype(np.float32)


def test_it_is_a_convolution_a_norm_an_activation_and_the_gate(x):
    norm = lambda group, name: InstanceNorm(group, affine=True, name=name)  # noqa: E731
    layer = partial(conv_norm, widths=WIDTHS, norm=norm, activation=leaky, name="here", pad=1)
    masks = {"b": jnp.float32([0, 1])}
    params, y = drawn(lambda x: layer(x, "a", "b"), x, masks)
    assert set(params) == {"here", "here_norm"}
    expected = Conv(2, ("a", "b"), pad=1).apply({"params": params["here"]}, x)
    expected = InstanceNorm("b", affine=True).apply({"params": params["here_norm"]}, expected)
    np.testing.assert_allclose(y, leaky(expected) * masks["b"], atol=1e-6)
    assert np.abs(y[..., 1]).max() > 0.1


def test_norm_and_activation_may_be_left_out_and_the_kind_chosen(x):
    plain = partial(conv_norm, widths=WIDTHS, activation=None)
    params, y = drawn(lambda x: plain(x, "a", "b", kind=ConvTranspose), x)
    assert set(params) == {"b"} and y.shape == (2, 10, 12, 2)
    np.testing.assert_allclose(y, ConvTranspose(2, ("a", "b")).apply({"params": params["b"]}, x))
    assert y.min() < 0


def test_groups_may_be_concatenated_and_channels_fixed(x):
    layer = partial(conv_norm, widths=WIDTHS, name="here")
    assert drawn(lambda x: layer(x, "a", ("a", "b", "b")), x)[1].shape[-1] == 8
    assert drawn(lambda x: layer(x, "a", None, features=3), x)[1].shape[-1] == 3


@pytest.mark.parametrize(
    ("norm", "found"),
    [
        ("batch", {"b/kernel", "b_norm/scale", "b_norm/bias"}),
        ("instance", {"b/kernel", "b/bias"}),
        ("affine", {"b/kernel", "b/bias", "b_norm/scale", "b_norm/bias"}),
    ],
)
def test_only_batch_norms_follow_convolutions_without_biases(norm, found, x):
    layer = cyclegan_layer(norm, WIDTHS)
    assert names_of(lambda x: layer(x, "a", "b"), x) == found
    assert names_of(lambda x: layer(x, "a", "b", norm=None, use_bias=True), x) == {
        "b/kernel",
        "b/bias",
    }


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("size", [3, 5])
def test_the_resolution_is_kept(separable, size, x):
    conv = same_conv(separable, size)
    _, y = drawn(lambda x: conv(2, ("a", "b"), name="here")(x), x)
    assert y.shape == (2, 5, 6, 2)


@pytest.mark.parametrize("use_bias", [False, True])
def test_a_separable_convolution_is_two_layers_of_its_module(use_bias, x):
    conv = SeparableConv(2, ("a", "b"), "here", use_bias=use_bias)
    leaves = ("kernel", "bias") if use_bias else ("kernel",)
    parts = ("here_depthwise", "here_pointwise")
    assert names_of(conv, x) == {f"{part}/{leaf}" for part in parts for leaf in leaves}


def test_inactive_inputs_of_a_separable_convolution_may_hold_anything(x):
    conv, masks = SeparableConv(2, ("a", "b"), "here"), {"a": jnp.float32([1, 0, 1, 0])}
    params, y = drawn(conv, x, masks)
    other = x + 7 * np.sin(x) * (1 - np.asarray(masks["a"]))
    again = Inside(conv).apply({"params": params, **bind(masks)}, other)
    assert np.abs(other - x).max() > 1
    np.testing.assert_array_equal(again, y)
