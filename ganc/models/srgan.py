"""SRGAN: pictures of four times the resolution, and the discriminator that it learns from.

Reference: Ledig et al. 2017 (arXiv 1609.04802), figure 4.

Differs from the reference: a picture comes in at the size that goes out, enlarged by repeating its
pixels, and the network begins by taking one pixel of each; so every tool that compares what goes in
with what comes out serves this family too. The picture ends in tanh, as all here lie in [-1, 1].
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen import initializers

from ganc.models.build import build, build_discriminator
from ganc.models.resnet import thirds
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import conv_norm
from ganc.nn.initial import TORCH
from ganc.nn.layers import Conv, Linear, leaky, logical
from ganc.nn.norm import BatchNorm
from ganc.types import Discriminator, Generator, Group, Output, Slot, Verdict, Widths, slot


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 as published.
        blocks: residual blocks, at least 3; 16 as published.
        scale: by how much the resolution grows: 4 as published, or 2.
    """

    ngf: int = 64
    blocks: int = 16
    scale: Literal[2, 4] = 4

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1, "blocks": 3})

    @property
    def ups(self) -> tuple[str, ...]:
        """The stages that double the resolution."""
        return tuple(f"up{i + 1}" for i in range(self.scale // 2))

    def slots(self) -> tuple[Slot, ...]:
        """The trunk, the inside of each third of the blocks, and each stage of growth."""
        inner = [slot(f"inner{part}", 1, *names) for part, names in enumerate(thirds(self.blocks))]
        return slot("trunk", 1), *inner, *(slot(up, 1) for up in self.ups)


@dataclass(frozen=True)
class DiscriminatorSpec:
    """The discriminator.

    Attributes:
        ndf: base width; 64 as published.
        side: of the pictures, px, a multiple of 16: 96 as published.
        hidden: of its first matrix; 1024 as published.
    """

    ndf: int = 64
    side: int = 96
    hidden: int = 1024

    def __post_init__(self) -> None:
        check_spec(self, least={"ndf": 1, "hidden": 1}, multiples={"side": 16})


def generator(spec: Spec) -> Generator:
    """The generator of `spec`; its taps are like those of the ResNet family."""
    return build(
        lambda widths: Srgan(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=spec.scale,
        minimum=2 * spec.scale,
        spec=spec,
    )


def discriminator(spec: DiscriminatorSpec) -> Discriminator:
    """The discriminator of `spec`: one logit (b 1 1 1) for a picture, no sigmoid."""
    return build_discriminator(SrganDiscriminator(spec), 3, spec, side=spec.side)


class Prelu(nn.Module):
    """max(0, x) + a min(0, x) with one learned slope a for all channels."""

    priced_inside = True  # a slope costs nothing worth counting

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Any shape to the same."""
        slope: Any = self.param("slope", logical(initializers.constant(0.25), None), (1,))
        return jnp.where(x > 0, x, slope * x)


def shuffle(x: jax.Array) -> jax.Array:
    """(b h w 4c) to (b 2h 2w c): the four pixels of a square, row by row, one behind the other.

    PyTorch's has the four values of a channel side by side; `export.layouts` turns them round.
    """
    b, h, w, c = x.shape
    return x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5).reshape(b, 2 * h, 2 * w, -1)


class Srgan(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(self, x: jax.Array) -> Output:
        """Enlarged pictures (b h w 3) to pictures of the same shape."""
        layer = partial(
            conv_norm, widths=self.widths, norm=_norm, activation=None, initial=TORCH, pad=1
        )
        every = (1, self.spec.scale, self.spec.scale, 1)
        x = jax.lax.slice(x, (0, 0, 0, 0), x.shape, every)
        x = layer(x, None, "trunk", name="stem", size=9, pad=4, norm=None)
        x = start = Prelu(name="stem_prelu")(x)
        taps = {"trunk0": x}
        for part, groups in enumerate(thirds(self.spec.blocks)):
            for group in groups:
                y = layer(x, "trunk", group, name=f"{group}_conv1")
                y = Prelu(name=f"{group}_prelu")(y)
                x = x + layer(y, group, "trunk", name=f"{group}_conv2")
            taps[f"trunk{part + 1}"] = x
        x, source = start + layer(x, "trunk", "trunk", name="merge"), "trunk"
        for up in self.spec.ups:
            x = shuffle(layer(x, source, (up,) * 4, name=up, norm=None))
            x, source = Prelu(name=f"{up}_prelu")(x), up
        head = Conv(3, (source, None), size=9, pad=4, initial=TORCH, name="head")
        return Output(jnp.tanh(head(x)), taps)


class SrganDiscriminator(nn.Module):
    """One logit per picture."""

    spec: DiscriminatorSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b s s 3) to logits (b 1 1 1)."""
        layer = partial(
            conv_norm, source=None, group=None, widths={}, activation=leaky, initial=TORCH, pad=1
        )
        for i in range(8):
            features = self.spec.ndf * 2 ** (i // 2)
            norm = _norm if i else None
            x = layer(x, name=f"conv{i}", features=features, stride=1 + i % 2, norm=norm)
        # PyTorch's order of a flattened picture: channel by channel.
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        x = leaky(Linear(self.spec.hidden, (None, None), initial=TORCH, name="hidden")(x))
        logits = Linear(1, (None, None), initial=TORCH, name="logit")(x)
        return Verdict(logits[:, None, None])


def _norm(group: Group, name: str) -> BatchNorm:
    return BatchNorm(group, affine=True, name=name)
