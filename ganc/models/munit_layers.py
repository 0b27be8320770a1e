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

from ganc.nn.conv import upsample
from ganc.nn.initial import KAIMING
from ganc.nn.layers import Conv, GlobalMean, Linear, Product, gate, logical, mask_of
from ganc.nn.norm import EPSILON, InstanceNorm, instance_norm
from ganc.nn.separable import separable_conv
from ganc.types import Masks, Widths

_conv = partial(Conv, padding="reflect", initial=KAIMING)


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
    def __call__(self, x: jax.Array, masks: Masks | None = None) -> jax.Array:
        """Pictures (b h w 3) to styles (b style_dim)."""
        last = self.groups[-1]
        x = _descend(x, self.widths, self.groups, masks, normalised=False)
        x = GlobalMean(last)(x)
        return _conv(self.style_dim, (last, None), size=1, name="head")(x)[:, 0, 0]


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
    def __call__(self, x: jax.Array, masks: Masks | None = None) -> jax.Array:
        """Pictures (b h w 3) to contents (b h' w' trunk)."""
        x = _descend(x, self.widths, self.groups, masks, normalised=True)
        for i, inner in enumerate(self.blocks):
            groups = (self.groups[-1], inner)
            x = Block(self.widths, groups, self.separable, name=f"block{i}")(x, masks)
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
    def __call__(self, x: jax.Array, adaptive: jax.Array, masks: Masks | None = None) -> jax.Array:
        """Contents (b h' w' trunk) and the output of the `Mlp` to pictures (b h w 3)."""
        parts = self._split(adaptive)
        for i, inner in enumerate(self.blocks):
            block = Block(self.widths, ("trunk", inner), self.separable, name=f"block{i}")
            x = block(x, masks, parts[4 * i : 4 * i + 4])
        source = "trunk"
        for i, group in enumerate(self.groups):
            convolve = _separable if self.separable else _dense
            name = f"up{i + 1}"
            x = convolve(upsample(x), self.widths[group], (source, group), masks, name, size=5)
            x = LayerNorm(group, name=f"{name}_norm")(x, masks)
            x, source = gate(nn.relu(x), masks, group), group
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
    def __call__(
        self, x: jax.Array, masks: Masks | None, adaptive: Sequence[jax.Array] = ()
    ) -> jax.Array:
        """(b h w trunk) to the same shape.

        The norms are instance norms, or adaptive ones where `adaptive` has the shift and the scale
        of the first and of the second.
        """
        convolve = _separable if self.separable else _dense
        trunk, inner = self.groups

        def layer(x: jax.Array, source: str, group: str, number: int) -> jax.Array:
            name = f"conv{number + 1}"
            x = convolve(x, self.widths[group], (source, group), masks, name, size=3)
            if not adaptive:
                return InstanceNorm(group)(x)
            return adaptive_norm(x, *adaptive[2 * number : 2 * number + 2])

        y = gate(nn.relu(layer(x, trunk, inner, 0)), masks, inner)
        return x + gate(layer(y, inner, trunk, 1), masks, trunk)


def adaptive_norm(x: jax.Array, shift: jax.Array, scale: jax.Array) -> jax.Array:
    """Instance norm of `x` (b h w c), then each picture's own `scale` and `shift` (b c).

    The scale is taken as it is, not added to 1.

    Reference: Huang and Belongie 2017 (arXiv 1703.06868), equation 8.
    """
    return instance_norm(x) * scale[:, None, None] + shift[:, None, None]


class LayerNorm(nn.Module):
    """Normalises each picture over all its positions and active channels.

    $\\gamma (x - \\mu) / (\\sigma + \\epsilon) + \\beta$ with the unbiased $\\sigma$ and, unlike
    PyTorch's layer norm, one $\\gamma$ and $\\beta$ per channel and $\\epsilon$ beside $\\sigma$.

    Attributes:
        group: the channel group.
    """

    group: str
    priced_inside: ClassVar[bool] = True

    @nn.compact
    def __call__(self, x: jax.Array, masks: Masks | None = None) -> jax.Array:
        """(b h w c) to the same shape; inactive channels may hold anything, before and after."""
        channels = x.shape[-1] if masks is None else jnp.sum(mask_of(masks, self.group))
        count = x.shape[1] * x.shape[2] * channels

        def average(values: jax.Array) -> jax.Array:
            # Per channel first: a sum of millions of float32 would lose digits.
            each = gate(jnp.mean(values, axis=(1, 2), keepdims=True), masks, self.group)
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


def _descend(
    x: jax.Array, widths: Widths, groups: tuple[str, ...], masks: Masks | None, *, normalised: bool
) -> jax.Array:
    """A 7x7 convolution, then strided 4x4 ones, in a compact module that calls this."""
    source = None
    for i, group in enumerate(groups):
        options: dict[str, Any] = {"size": 4, "stride": 2, "pad": 1} if i else {"size": 7, "pad": 3}
        x = _conv(widths[group], (source, group), name=f"conv{i}", **options)(x)
        x = nn.relu(InstanceNorm(group)(x) if normalised else x)
        x, source = gate(x, masks, group), group
    return x


def _dense(x, features, groups, masks, name, size):
    del masks  # inactive inputs are zero already, and the caller gates the outputs
    return _conv(features, groups, size=size, pad=size // 2, name=name)(x)


def _separable(x, features, groups, masks, name, size):
    return separable_conv(x, features, groups, masks, name=name, size=size, initial=KAIMING)
