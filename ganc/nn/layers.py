"""Flax modules whose parameters name the channel group of each of their axes."""

from collections.abc import Callable
from math import prod
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.nn import conv
from ganc.nn.initial import NORMAL, Initial
from ganc.nn.operation import operation
from ganc.nn.precision import lowered
from ganc.types import Group


@operation
def leaky(x: jax.Array) -> jax.Array:
    """Leaky ReLU of slope 0.2, the slope of every published network here."""
    return nn.leaky_relu(x, 0.2)


def logical(draw: Any, *names: Group) -> Any:
    """The initializer `draw` of an array whose axes carry the groups `names`."""
    return nn.with_logical_partitioning(draw, names)  # pyright: ignore[reportArgumentType]


class _Kernel(nn.Module):
    """A kernel and a bias with their channel groups; subclasses say how they are applied."""

    features: int
    groups: tuple[Group, Group]
    size: int = 3
    use_bias: bool = True
    initial: Initial = NORMAL

    def weights(
        self, shape: tuple[int, ...], names: tuple[Group, ...], *, transposed: bool = False
    ) -> tuple[Any, Any]:
        """The kernel of `shape`, whose axes carry `names`, and the bias, or 0."""
        draw = self.initial.transposed if transposed else self.initial.kernel
        kernel = self.param("kernel", logical(draw, *names), shape)
        if not self.use_bias:
            return kernel, 0.0
        fan = prod(shape[:-2]) * shape[-1 if transposed else -2]
        return kernel, self.param("bias", logical(self.initial.bias(fan), names[-1]), shape[-1:])


class Conv(_Kernel):
    """Dense convolution; `pad` pixels of `padding` on every side."""

    stride: int = 1
    pad: int = 0
    padding: conv.Padding = "zero"

    @nn.compact
    def __call__(
        self, x: jax.Array, scaled: Callable[[jax.Array], jax.Array] | None = None
    ) -> jax.Array:
        """(b h w i) to (b h' w' o); `scaled`, if given, is applied to the kernel first."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel, bias = self.weights(shape, (None, None, *self.groups))
        kernel = kernel if scaled is None else scaled(kernel)
        padded = conv.pad2d(lowered(x), self.pad, self.padding)
        return conv.conv2d(padded, lowered(kernel), stride=self.stride) + lowered(bias)


class DepthwiseConv(_Kernel):
    """One filter per channel, stride 1; both entries of `groups` are the same group."""

    pad: int = 0
    padding: conv.Padding = "zero"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i) to (b h' w' o)."""
        shape = (self.size, self.size, 1, self.features)
        kernel, bias = self.weights(shape, (None, None, None, self.groups[1]))
        padded = conv.pad2d(lowered(x), self.pad, self.padding)
        return conv.depthwise_conv2d(padded, lowered(kernel)) + lowered(bias)


class ConvTranspose(_Kernel):
    """Transposed convolution of 3x3 or 4x4 that doubles the resolution."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i) to (b 2h 2w o)."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel, bias = self.weights(shape, (None, None, *self.groups), transposed=True)
        return conv.conv2d_transpose(lowered(x), lowered(kernel)) + lowered(bias)


class Linear(_Kernel):
    """A matrix and a bias; `size` has no meaning."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b i) to (b o)."""
        kernel, bias = self.weights((x.shape[-1], self.features), self.groups)
        return lowered(x) @ lowered(kernel) + lowered(bias)


class Product(nn.Module):
    """The product of two tensors, as a module so that cost tables see it."""

    group: Group

    @nn.compact
    def __call__(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """(b h w c) and a shape that broadcasts to it, to (b h w c)."""
        return x * y


class GlobalMean(nn.Module):
    """The mean over all positions, as a module so that cost tables see it."""

    group: Group

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w c) to (b 1 1 c)."""
        return jnp.mean(x, axis=(1, 2), keepdims=True)
