"""The discriminator of MUNIT, which judges a picture at several scales."""

from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax

from ganc.models.build import build_discriminator
from ganc.models.specs import check_spec
from ganc.nn.conv import average_pool
from ganc.nn.initial import KAIMING, NORMAL
from ganc.nn.layers import Conv, leaky
from ganc.types import Discriminator, Verdict


@dataclass(frozen=True)
class MultiScaleSpec:
    """A network of strided 4x4 convolutions, doubling in width, for each scale.

    Attributes:
        ndf: base width.
        layers: strided convolutions of each network.
        scales: networks, each at half the resolution of the one before.
        channels_in: channels of the pictures.
        kaiming: whether the first weights keep the scale of what comes in, at any width. The
            published ones, N(0, 0.02) at base width 64, shrink it the more, the narrower a layer
            is, and no norm restores it: behind narrow layers too little is left to learn from.

    Reference: Huang et al. 2018 (arXiv 1804.04732).
    """

    ndf: int = 64
    layers: int = 4
    scales: int = 3
    channels_in: int = 3
    kaiming: bool = False

    def __post_init__(self) -> None:
        check_spec(self, least=dict.fromkeys(("ndf", "layers", "scales", "channels_in"), 1))


def multi_scale(spec: MultiScaleSpec) -> Discriminator:
    """The discriminator of `spec`: with four layers and three scales, at least 64 px.

    A 256 px picture gives logits of 16x16, 8x8 and 4x4.
    """
    # The last reflection needs two pixels.
    side = 2 ** (spec.layers + spec.scales - 1)
    return build_discriminator(MultiScale(spec), spec.channels_in, spec, side)


class MultiScale(nn.Module):
    """Logits per patch and scale; no norms, no sigmoid."""

    spec: MultiScaleSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b h w c) to a tuple of logits (b h' w' 1), finest first."""
        logits = []
        for scale in range(self.spec.scales):
            logits.append(self._logits(x, f"scale{scale}"))
            x = average_pool(x)
        return Verdict(tuple(logits))

    def _logits(self, x: jax.Array, name: str) -> jax.Array:
        initial = KAIMING if self.spec.kaiming else NORMAL
        conv = partial(Conv, groups=(None, None), initial=initial)
        for i in range(self.spec.layers):
            layer = conv(
                self.spec.ndf * 2**i,
                size=4,
                stride=2,
                pad=1,
                padding="reflect",
                name=f"{name}_conv{i}",
            )
            x = leaky(layer(x))
        return conv(1, size=1, name=f"{name}_head")(x)
