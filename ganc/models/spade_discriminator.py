"""The discriminator of GauGAN: the same judge at several scales."""

from dataclasses import dataclass

import flax.linen as nn
import jax

from ganc.models.build import build_discriminator
from ganc.models.specs import check_spec
from ganc.nn.conv import average_pool
from ganc.nn.initial import XAVIER
from ganc.nn.layers import Conv, leaky
from ganc.nn.norm import instance_norm
from ganc.nn.spectral import SpectralConv
from ganc.types import Discriminator, Verdict


@dataclass(frozen=True)
class MultiScaleSpec:
    """A member of the family.

    Attributes:
        ndf: base width.
        scales: judges; each sees half the resolution of the one before.
        layers: convolutions before the one that gives the logits.
        channels_in: of the label map and the picture together: 39 for Cityscapes, 187 for
            COCO-Stuff.

    Reference: Wang et al. 2018 (arXiv 1711.11585) for the scales; Park et al. 2019 (arXiv
    1903.07291) for the norms.
    """

    ndf: int = 64
    scales: int = 2
    layers: int = 4
    channels_in: int = 39

    def __post_init__(self) -> None:
        check_spec(self, least=dict.fromkeys(("ndf", "layers", "scales", "channels_in"), 1))


def multi_scale(spec: MultiScaleSpec) -> Discriminator:
    """The discriminator of `spec`; a 256 px picture gives logits of 35x35 and 19x19."""
    return build_discriminator(MultiScale(spec), spec.channels_in, spec)


class MultiScale(nn.Module):
    """Logits and features of every scale, the finest first."""

    spec: MultiScaleSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Label maps and pictures (b h w c) to logits (b h' w' 1) and features per scale."""
        logits, features = [], []
        for scale in range(self.spec.scales):
            if scale:
                x = average_pool(x)
            judge = Judge(self.spec.ndf, self.spec.layers, name=f"scale{scale}")
            judged, seen = judge(x)
            logits.append(judged)
            features.append(seen)
        return Verdict(tuple(logits), tuple(features))


class Judge(nn.Module):
    """A PatchGAN whose inner convolutions have a spectral norm, no bias and an instance norm."""

    ndf: int
    layers: int

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """(b h w c) to logits (b h' w' 1) and the activations before them."""
        options = {"groups": (None, None), "size": 4, "pad": 2, "initial": XAVIER}
        x = leaky(Conv(self.ndf, stride=2, name="conv0", **options)(x))
        features = [x]
        for i in range(1, self.layers):
            stride = 2 if i < self.layers - 1 else 1
            width = self.ndf * min(2**i, 8)
            conv = Conv(width, stride=stride, use_bias=False, name=f"conv{i}", **options)
            x = leaky(instance_norm(SpectralConv(conv)(x)))
            features.append(x)
        return Conv(1, name=f"conv{self.layers}", **options)(x), tuple(features)
