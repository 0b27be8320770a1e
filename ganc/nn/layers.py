"""Flax modules whose parameters name the channel group of each of their axes."""

from typing import Any

import flax.linen as nn
import jax

from ganc.nn import conv
from ganc.nn.norm import instance_norm
from ganc.types import Masks

Group = str | tuple[str, ...] | None

NORMAL_02 = nn.initializers.normal(0.02)
"""N(0, 0.02): the initial weights of every ResNet-family network and of PatchGAN."""


def gate(x: jax.Array, masks: Masks | None, group: str) -> jax.Array:
    """Sets the inactive channels of `x` (b h w c) to exactly zero."""
    return x if masks is None else x * masks[group]


class _Kernel(nn.Module):
    """A kernel and a bias with their channel groups; subclasses say how they are applied."""

    features: int
    groups: tuple[Group, Group]
    size: int = 3
    use_bias: bool = True

    def weights(self, shape: tuple[int, ...], names: Any) -> tuple[Any, Any]:
        """The kernel of `shape`, whose axes carry `names`, and the bias, or 0."""
        kernel = self.param("kernel", nn.with_logical_partitioning(NORMAL_02, names), shape)
        if not self.use_bias:
            return kernel, 0.0
        zeros = nn.with_logical_partitioning(nn.initializers.zeros, (names[-1],))
        return kernel, self.param("bias", zeros, (shape[-1],))


class Conv(_Kernel):
    """Dense convolution; `pad` pixels of `padding` on every side."""

    stride: int = 1
    pad: int = 0
    padding: conv.Padding = "zero"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i) to (b h' w' o)."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel, bias = self.weights(shape, (None, None, *self.groups))
        x = conv.pad2d(x, self.pad, self.padding)
        return conv.conv2d(x, kernel, stride=self.stride) + bias


class DepthwiseConv(_Kernel):
    """One filter per channel, stride 1; both entries of `groups` are the same group."""

    pad: int = 0
    padding: conv.Padding = "zero"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i) to (b h' w' o)."""
        shape = (self.size, self.size, 1, self.features)
        kernel, bias = self.weights(shape, (None, None, None, self.groups[1]))
        return conv.depthwise_conv2d(conv.pad2d(x, self.pad, self.padding), kernel) + bias


class ConvTranspose(_Kernel):
    """3x3 transposed convolution that doubles the resolution."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i) to (b h' w' o)."""
        shape = (3, 3, x.shape[-1], self.features)
        kernel, bias = self.weights(shape, (None, None, *self.groups))
        return conv.conv2d_transpose(x, kernel) + bias


class InstanceNorm(nn.Module):
    """Non-affine instance norm, as a module so that cost tables see where it stands."""

    group: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w c) to the same shape."""
        return instance_norm(x)
