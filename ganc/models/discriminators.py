"""Discriminators."""

from dataclasses import dataclass

import flax.linen as nn
import jax

from ganc.models.build import build_discriminator
from ganc.nn.layers import Conv
from ganc.nn.norm import instance_norm
from ganc.types import Discriminator, Verdict


@dataclass(frozen=True)
class PatchSpec:
    """PatchGAN: `layers` strided 4x4 convolutions, then two of stride 1.

    Attributes:
        ndf: base width.
        layers: strided convolutions; 3 sees patches of 70 px.
        channels_in: 3, or 6 where the input picture is concatenated.

    Reference: Isola et al. 2017 (arXiv 1611.07004).
    """

    ndf: int = 64
    layers: int = 3
    channels_in: int = 3


def patch(spec: PatchSpec) -> Discriminator:
    """The PatchGAN of `spec`: a 256 px picture gives 30x30 logits with three layers."""
    return build_discriminator(PatchGan(spec.ndf, spec.layers), spec.channels_in, spec)


class PatchGan(nn.Module):
    """Logits per patch; no sigmoid."""

    ndf: int
    layers: int

    @nn.compact
    def __call__(self, x: jax.Array, momentum: float | None = None) -> Verdict:
        """Pictures (b h w c) to logits (b h' w' 1)."""
        del momentum

        def conv(features: int, stride: int, name: str) -> Conv:
            return Conv(features, (None, None), size=4, stride=stride, pad=1, name=name)

        x = nn.leaky_relu(conv(self.ndf, 2, "conv0")(x), 0.2)
        for i in range(1, self.layers + 1):
            stride = 2 if i < self.layers else 1
            x = conv(self.ndf * min(2**i, 8), stride, f"conv{i}")(x)
            x = nn.leaky_relu(instance_norm(x), 0.2)
        return Verdict(conv(1, 1, f"conv{self.layers + 1}")(x))
