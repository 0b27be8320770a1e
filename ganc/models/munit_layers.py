"""The four networks of MUNIT's generator, each at given channel widths.

Reference: Huang et al. 2018 (arXiv 1804.04732); Li et al. 2020 (arXiv 2003.08936) for the separable
residual blocks and up-sampling convolutions.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen import initializers

from ganc.nn.call import Layer
from ganc.nn.conv import upsample
from ganc.nn.conv_norm import Normaliser, conv_norm
from ganc.nn.initial import KAIMING
from ganc.nn.layers import Conv, GlobalMean, Linear, Product, logical
from ganc.nn.norm import EPSILON, instance_norm, norm_layer
from ganc.nn.precision import raised
from ganc.nn.separable import same_conv
from ganc.types import Group, Widths

_conv = partial(Conv, padding="reflect", initial=KAIMING)
_layer = partial(conv_norm, initial=KAIMING)
_instance = partial(norm_layer, "instance")


class StyleEncoder(nn.Module):
    """A picture's style: what is left of it when its positions are averaged; no norms.

    Attributes:
        widths: channel group -> width.
        groups: of the convolutions, the first at full resolution, the others each at half.
        style_dim: numbers in a style.
    """

    widths: Widths
    groups: tuple[str, ...]
    style_dim: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Pictures (b h w 3) to styles (b style_dim)."""
        last = self.groups[-1]
        x = GlobalMean(last)(_descend(x, self.widths, self.groups, None))
        return _conv(self.style_dim, (last, None), size=1, name="head")(x).squeeze((1, 2))


class ContentEncoder(nn.Module):
    """A picture's content: a map of features from which instance norms take the style.

    Attributes:
        widths: channel group -> width.
        groups: as in `StyleEncoder`; the last is that of the trunk.
        blocks: the inner channel groups of the residual blocks.
        separable: whether the blocks are.
    """

    widths: Widths
    groups: tuple[str, ...]
    blocks: tuple[str, ...]
    separable: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Pictures (b h w 3) to contents (b h' w' trunk)."""
        x = _descend(x, self.widths, self.groups, _instance)
        for i, inner in enumerate(self.blocks):
            groups = (self.groups[-1], inner)
            x = Block(self.widths, groups, self.separable, name=f"block{i}")(x)
        return x


class Mlp(nn.Module):
    """Style to the shifts and scales of all adaptive norms.

    Attributes:
        hidden: width of the two hidden layers.
        features: width of the output.
        groups: of the output: for each norm its group twice, for the shift and for the scale.
    """

    hidden: int
    features: int
    groups: tuple[str, ...]

    @nn.compact
    def __call__(self, style: jax.Array) -> jax.Array:
        """(b style_dim) to (b features)."""
        linear = partial(Linear, initial=KAIMING)
        x = nn.relu(linear(self.hidden, (None, None), name="linear0")(style))
        x = nn.relu(linear(self.hidden, (None, None), name="linear1")(x))
        return linear(self.features, (None, self.groups), name="linear2")(x)


class Decoder(nn.Module):
    """Content to a picture, in the style that its adaptive norms are given.

    Attributes:
        widths: channel group -> width.
        blocks: the inner channel groups of the residual blocks.
        groups: of the convolutions that follow each doubling of the resolution.
        separable: whether the blocks and those convolutions are.
    """

    widths: Widths
    blocks: tuple[str, ...]
    groups: tuple[str, ...]
    separable: bool

    @nn.compact
    def __call__(self, x: jax.Array, adaptive: jax.Array) -> jax.Array:
        """Contents (b h' w' trunk) and the output of the `Mlp` to pictures (b h w 3)."""
        parts = self._split(adaptive)
        for i, inner in enumerate(self.blocks):
            block = Block(self.widths, ("trunk", inner), self.separable, name=f"block{i}")
            x = block(x, parts[4 * i : 4 * i + 4])
        kind, source = same_conv(self.separable, size=5), "trunk"
        layer = partial(_layer, widths=self.widths, kind=kind, norm=_layer_norm)
        for i, group in enumerate(self.groups):
            x, source = layer(upsample(x), source, group, name=f"up{i + 1}"), group
        return jnp.tanh(_conv(3, (source, None), size=7, pad=3, name="head")(x))

    def _split(self, adaptive: jax.Array) -> list[jax.Array]:
        sizes = [self.widths[group] for group in adaptive_groups(self.blocks)]
        return jnp.split(adaptive, np.cumsum(sizes)[:-1].tolist(), axis=-1)


def adaptive_groups(blocks: Sequence[str]) -> tuple[str, ...]:
    """The channel groups of what the adaptive norms take, two norms per block in their order.

    Every norm takes its shifts, then its scales, and so names its group twice.
    """
    return tuple(group for inner in blocks for group in (inner, inner, "trunk", "trunk"))


class Block(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without an activation after the sum.

    Attributes:
        widths: channel group -> width.
        groups: the trunk's and the inner one.
        separable: whether the convolutions are.
    """

    widths: Widths
    groups: tuple[str, str]
    separable: bool

    @nn.compact
    def __call__(self, x: jax.Array, adaptive: Sequence[jax.Array] = ()) -> jax.Array:
        """(b h w trunk) to the same shape.

        The norms are instance norms, or adaptive ones where `adaptive` has the shift and the scale
        of the first and of the second.
        """
        trunk, inner = self.groups
        norms = (
            [_adaptive(*adaptive[:2]), _adaptive(*adaptive[2:])] if adaptive else 2 * [_instance]
        )
        layer = partial(_layer, widths=self.widths, kind=same_conv(self.separable))
        y = layer(x, trunk, inner, name="conv1", norm=norms[0])
        return x + layer(y, inner, trunk, name="conv2", norm=norms[1], activation=None)


def _adaptive(shift: jax.Array, scale: jax.Array) -> Normaliser:
    return lambda group, name: partial(adaptive_norm, shift=shift, scale=scale)


def adaptive_norm(x: jax.Array, shift: jax.Array, scale: jax.Array) -> jax.Array:
    """Instance norm of `x` (b h w c), then each picture's own `scale` and `shift` (b c).

    The scale is taken as it is, not added to 1.

    Reference: Huang and Belongie 2017 (arXiv 1703.06868), equation 8.
    """
    return instance_norm(x) * scale[:, None, None] + shift[:, None, None]


class LayerNorm(Layer):
    """Normalises each picture over all its positions and active channels.

    $\\gamma (x - \\mu) / (\\sigma + \\epsilon) + \\beta$ with the unbiased $\\sigma$ and, unlike
    PyTorch's layer norm, one $\\gamma$ and $\\beta$ per channel and $\\epsilon$ beside $\\sigma$.

    Attributes:
        group: the channel group.
    """

    group: Group
    priced_inside: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    """Its statistics are of all channels together."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w c) to the same shape; inactive channels may hold anything, before and after."""
        mask, x = self.mask(self.group), raised(x)
        channels = x.shape[-1] if mask is None else jnp.sum(mask)
        count = x.shape[1] * x.shape[2] * channels

        def average(values: jax.Array) -> jax.Array:
            # Per channel first: a sum of millions of float32 would lose digits.
            each = jnp.mean(values, axis=(1, 2), keepdims=True)
            each = each if mask is None else each * mask
            return jnp.sum(each, axis=-1, keepdims=True) / channels

        centred = x - average(x)
        variance = average(jnp.square(centred)) * count / (count - 1)
        # The root of zero has an infinite slope; against epsilon 1e-15 is nothing.
        deviation = jnp.sqrt(jnp.maximum(variance, 1e-30))
        scale: Any = self.param(
            "scale", logical(initializers.uniform(1.0), self.group), x.shape[-1:]
        )
        bias: Any = self.param("bias", logical(initializers.zeros, self.group), x.shape[-1:])
        return Product(self.group)(centred / (deviation + EPSILON), scale) + bias


def _layer_norm(group: Group, name: str) -> LayerNorm:
    return LayerNorm(group, name=name)


def _descend(
    x: jax.Array, widths: Widths, groups: tuple[str, ...], norm: Normaliser | None
) -> jax.Array:
    """A 7x7 convolution, then strided 4x4 ones, in a compact module that calls this."""
    source = None
    for i, group in enumerate(groups):
        options: dict[str, Any] = {"size": 4, "stride": 2, "pad": 1} if i else {"size": 7, "pad": 3}
        options |= {"padding": "reflect", "widths": widths, "norm": norm}
        x, source = _layer(x, source, group, name=f"conv{i}", **options), group
    return x
