"""A discriminator that sees nothing but fine detail, and how strong that is.

What a distance to the truth leaves out of a picture is its detail, which is weak beside colours and
shapes: a PatchGAN without norms learns of it slowly. One with instance norms learns of it at once,
but not how strong it is, as every channel is made as strong as every other; it is then as content
with detail that is everywhere alike. Here colours and shapes are taken off, and nothing is
normalised.

Reference: Fritsche et al. 2019 (arXiv 1911.07850), who let a discriminator judge the high
frequencies alone; Isola et al. 2017 (arXiv 1611.07004) for patches.

Differs from the reference: the source, of which it sees the same, stands beside the picture, and
patches are of strided convolutions.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build_discriminator
from ganc.models.specs import check_spec
from ganc.nn.initial import KAIMING
from ganc.nn.layers import Conv, leaky
from ganc.types import Discriminator, Verdict

REACH = 2
"""px that each of the two means reaches in every direction."""


@dataclass(frozen=True)
class DetailSpec:
    """A member of the family.

    Attributes:
        ndf: base width.
        layers: strided convolutions; 2 see patches of 34 px.
        channels_in: 3, or 6 where the input picture is concatenated.
        gain: what detail is multiplied by.
    """

    ndf: int = 32
    layers: int = 2
    channels_in: int = 6
    gain: float = 10.0

    def __post_init__(self) -> None:
        check_spec(self, least={"ndf": 1, "layers": 1, "channels_in": 1})


def detail_patch(spec: DetailSpec) -> Discriminator:
    """The discriminator of `spec`; a 128 px picture gives 30x30 logits with two layers."""
    return build_discriminator(DetailGan(spec), spec.channels_in, spec)


def detail(x: jax.Array) -> jax.Array:
    """`x` (b h w c) without the mean of its surroundings, taken twice of 5x5 px, reflected."""
    mean, size = x, 2 * REACH + 1
    for _ in range(2):
        pad = ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0))
        mean = nn.avg_pool(jnp.pad(mean, pad, mode="reflect"), (size, size))
    return x - mean


class DetailGan(nn.Module):
    """Logits per patch; no sigmoid, no norms."""

    spec: DetailSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b h w c) to logits (b h' w' 1)."""
        spec, options = self.spec, {"groups": (None, None), "size": 4, "pad": 1}
        x = spec.gain * detail(x)
        for i in range(spec.layers + 1):
            stride, width = 2 if i < spec.layers else 1, spec.ndf * min(2**i, 8)
            x = leaky(Conv(width, stride=stride, name=f"conv{i}", initial=KAIMING, **options)(x))
        return Verdict(Conv(1, name=f"conv{spec.layers + 1}", initial=KAIMING, **options)(x))
