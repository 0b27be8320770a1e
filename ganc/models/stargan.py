"""StarGAN: one generator for all domains, told by attributes what to make of a picture.

Reference: Choi et al. 2018 (arXiv 1711.09020), tables 4 and 5, and its released code.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build, build_discriminator
from ganc.models.resnet import thirds
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.initial import TORCH
from ganc.nn.layers import Conv, ConvTranspose
from ganc.types import Discriminator, Generator, Output, Slot, Verdict, Widths, slot


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 as published.
        blocks: residual blocks, at least 3; 6 as published.
        attributes: numbers that say what a picture becomes; 5 as published.
    """

    ngf: int = 64
    blocks: int = 6
    attributes: int = 5

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1, "blocks": 3, "attributes": 1})

    def slots(self) -> tuple[Slot, ...]:
        """Eight entries like those of the ResNet family."""
        return (
            slot("stem", 1),
            slot("down1", 2),
            slot("trunk", 4),
            *(slot(f"inner{part}", 4, *groups) for part, groups in enumerate(thirds(self.blocks))),
            slot("up1", 2),
            slot("up2", 1),
        )


@dataclass(frozen=True)
class DiscriminatorSpec:
    """The discriminator.

    Attributes:
        ndf: base width; 64 as published.
        side: of the pictures, px, a multiple of 2^layers: 128 as published.
        layers: strided convolutions; 6 as published.
        attributes: as in `Spec`.
    """

    ndf: int = 64
    side: int = 128
    layers: int = 6
    attributes: int = 5

    def __post_init__(self) -> None:
        least = {"ndf": 1, "layers": 1, "attributes": 1}
        check_spec(self, least=least, multiples={"side": 2**self.layers})


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    It takes `attributes` (b k), by default zeros. Its taps are those of the ResNet family.
    """
    return build(
        lambda widths: Stargan(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=4,
        spec=spec,
    )


def discriminator(spec: DiscriminatorSpec) -> Discriminator:
    """The discriminator of `spec`: logits per patch, no sigmoid.

    Its one feature is the logits of the attributes, (b k).
    """
    return build_discriminator(StarganDiscriminator(spec), 3, spec, side=spec.side)


class Stargan(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(self, x: jax.Array, attributes: jax.Array | None = None) -> Output:
        """Pictures (b h w 3) and attributes (b k) to pictures of the same shape."""
        if attributes is None:
            attributes = jnp.zeros((1, self.spec.attributes))
        # Of the picture's own shape, so that it may be a symbol.
        planes = attributes[:, None, None] + 0 * x[..., :1]
        layer = cyclegan_layer("affine", self.widths, use_bias=False, initial=TORCH)
        x = layer(jnp.concatenate([x, planes], axis=-1), None, "stem", size=7, pad=3)
        x = layer(x, "stem", "down1", size=4, stride=2, pad=1)
        x = layer(x, "down1", "trunk", name="down2", size=4, stride=2, pad=1)
        taps = {"trunk0": x}
        for part, groups in enumerate(thirds(self.spec.blocks)):
            for group in groups:
                y = layer(x, "trunk", group, name=f"{group}_conv1", pad=1)
                x = x + layer(y, group, "trunk", name=f"{group}_conv2", pad=1, activation=None)
            taps[f"trunk{part + 1}"] = x
        for source, group in (("trunk", "up1"), ("up1", "up2")):
            x = layer(x, source, group, size=4, kind=ConvTranspose)
        head = {"size": 7, "pad": 3, "use_bias": False, "initial": TORCH}
        return Output(jnp.tanh(Conv(3, ("up2", None), name="head", **head)(x)), taps)


class StarganDiscriminator(nn.Module):
    """Whether patches are real, and which attributes the picture has."""

    spec: DiscriminatorSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b s s 3) to logits (b h w 1) and, as a feature, logits (b k)."""
        conv: Any = partial(Conv, groups=(None, None), initial=TORCH)
        for i in range(self.spec.layers):
            features = self.spec.ndf * 2**i
            x = conv(features, size=4, stride=2, pad=1, name=f"conv{i}")(x)
            x = nn.leaky_relu(x, 0.01)
        real = conv(1, size=3, pad=1, use_bias=False, name="real")(x)
        whole = {"size": self.spec.side // 2**self.spec.layers, "use_bias": False}
        found = conv(self.spec.attributes, name="attributes", **whole)(x)
        return Verdict(real, ((found[:, 0, 0],),))
