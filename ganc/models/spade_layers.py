"""What the GauGAN generator is made of: norms modulated by a label map, and residual blocks."""

import flax.linen as nn
import jax
from jax import lax

from ganc.nn.call import Gate
from ganc.nn.conv_norm import conv_norm
from ganc.nn.initial import XAVIER
from ganc.nn.layers import Conv, Product, leaky
from ganc.nn.norm import BatchNorm
from ganc.nn.separable import same_conv
from ganc.nn.spectral import SpectralConv
from ganc.types import Widths


def shrink(labels: jax.Array, height: int) -> jax.Array:
    """Every k-th row and column of `labels` (b h w c), so that `height` rows are left.

    It is PyTorch's nearest interpolation, source = floor(target k): `jax.image.resize` would look
    at the middle of each cell.
    """
    factor = labels.shape[1] // height
    return lax.slice(labels, (0, 0, 0, 0), labels.shape, (1, factor, factor, 1))


class SpadeNorm(nn.Module):
    """norm(x) (1 + gamma) + beta, with gamma and beta convolved from the label map.

    The norm is a batch norm without scale and shift. In the separable variant, gamma and beta come
    from a depthwise 3x3, an instance norm and a pointwise 1x1.

    Reference: Park et al. 2019 (arXiv 1903.07291); Li et al. 2020 (arXiv 2003.08936) for the
    separable variant.

    Differs from the reference: a batch split over devices is normalised by sqrt(var + eps) like
    any other; the reference's synchronised norm takes sqrt(max(var, eps)). A sliced norm has sliced
    statistics; the reference pads activations with zeros to those of the full width.
    """

    widths: Widths
    group: str
    hidden: str
    separable: bool

    @nn.compact
    def __call__(self, x: jax.Array, labels: jax.Array) -> jax.Array:
        """(b h w c) and a label map (b kh kw l) to the shape of `x`."""
        options = {"widths": self.widths, "name": "shared", "pad": 1, "initial": XAVIER}
        y = conv_norm(shrink(labels, x.shape[1]), None, self.hidden, **options)
        gamma, beta = self._modulation("gamma", y), self._modulation("beta", y)
        x = BatchNorm(self.group, name="normal")(x)
        # All three terms of an inactive channel become zero at once.
        return Gate(self.group)(Product(self.group)(x, 1 + gamma) + beta)

    def _modulation(self, name: str, y: jax.Array) -> jax.Array:
        conv, groups = same_conv(self.separable, padding="zero"), (self.hidden, self.group)
        return conv(self.widths[self.group], groups, name=name, initial=XAVIER)(y)


class Block(nn.Module):
    """shortcut(x) + conv(leaky(norm(conv(leaky(norm(x)))))), every norm seeing the label map.

    Attributes:
        widths: of all channel groups.
        source: the channel group that comes in.
        middle: the one between the convolutions.
        target: the one that goes out. If it is `source`, `x` itself is the shortcut; else a norm
            and a 1x1 convolution are learned, whatever the widths.
        hidden: the one inside the norms.
        separable: of the norms.
        spectral: of the convolutions outside the norms.

    Reference: Park et al. 2019 (arXiv 1903.07291).
    """

    widths: Widths
    source: str
    middle: str
    target: str
    hidden: str
    separable: bool
    spectral: bool

    @nn.compact
    def __call__(self, x: jax.Array, labels: jax.Array) -> jax.Array:
        """(b h w source) and a label map (b kh kw l) to (b h w target)."""

        def norm(name: str, x: jax.Array, group: str) -> jax.Array:
            layer = SpadeNorm(self.widths, group, self.hidden, self.separable, name=name)
            return layer(x, labels)

        y = leaky(norm("norm_0", x, self.source))
        y = self._conv("conv_0", y, self.source, self.middle, pad=1)
        y = leaky(norm("norm_1", y, self.middle))
        y = self._conv("conv_1", y, self.middle, self.target, pad=1)
        if self.source != self.target:
            x = norm("norm_s", x, self.source)
            x = self._conv("conv_s", x, self.source, self.target, size=1, use_bias=False)
        return Gate(self.target)(x + y)

    def _conv(self, name: str, x: jax.Array, source: str, group: str, **options) -> jax.Array:
        conv = Conv(self.widths[group], (source, group), initial=XAVIER, name=name, **options)
        return SpectralConv(conv)(x) if self.spectral else conv(x)
