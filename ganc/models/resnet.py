"""The ResNet generator of CycleGAN and pix2pix, dense or with separable residual blocks.

Reference: Johnson et al. 2016 and Zhu et al. 2017 (arXiv 1703.10593) for the network; Li et al.
2020 (arXiv 2003.08936) for the mobile variant, whose residual convolutions are depthwise 3x3,
instance norm, pointwise 1x1; Wang et al. 2020 (arXiv 2008.11062) for the norms that can be slimmed.

Differs from the reference: inputs are always clamped to [-1, 1], which not every reference does;
images already lie there.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build
from ganc.nn.initial import NORMAL, TORCH
from ganc.nn.layers import Conv, ConvTranspose, gate
from ganc.nn.norm import norm_layer
from ganc.nn.separable import separable_conv
from ganc.types import Generator, Masks, Output, Slot, Widths

Norm = Literal["batch", "instance", "affine", "slimming"]
"""Those of `ganc.nn.norm`, `instance` in every published CycleGAN, and `slimming`: `affine` where
the channels belong to no skip, 13 places with nine blocks, with PyTorch's own initial weights. That
is GAN Slimming's network."""


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 in every published model.
        blocks: residual blocks, a multiple of 3: 9 for 256 px, 6 for smaller pictures.
        separable: the mobile variant.
        norm: what follows the convolutions.
        entries: of an architecture string: 8, or 6 with one inner width for all blocks, as in the
            first gan-compression models.
        legacy: the entries for inner widths drive the first block of every three, the others are as
            wide inside as outside: gan-compression's first models again.
    """

    ngf: int = 64
    blocks: int = 9
    separable: bool = False
    norm: Norm = "instance"
    entries: int = 8
    legacy: bool = False

    def __post_init__(self) -> None:
        if self.ngf < 1:
            raise ValueError(f"ngf must be at least 1, got {self.ngf}")
        if self.blocks < 3 or self.blocks % 3:
            raise ValueError(f"blocks must be a positive multiple of 3, got {self.blocks}")
        if self.norm not in get_args(Norm):
            raise ValueError(f"norm must be {', '.join(get_args(Norm))}, got {self.norm!r}")
        if self.entries not in (6, 8):
            raise ValueError(f"entries must be 6 or 8, got {self.entries}")
        if self.legacy and self.blocks != 9:
            raise ValueError(f"legacy must have 9 blocks, got {self.blocks}")

    @property
    def inner_groups(self) -> tuple[tuple[str, ...], ...]:
        """The inner channel groups of the first, second and last third of the blocks."""
        third = self.blocks // 3
        return tuple(
            tuple(f"block{i}" for i in range(part * third, (part + 1) * third)) for part in range(3)
        )

    def slots(self) -> tuple[Slot, ...]:
        """The entries of gan-compression's architecture strings, in their order."""
        inner = [groups[:1] if self.legacy else groups for groups in self.inner_groups]
        rest = [group for groups in self.inner_groups for group in groups[1:]]
        if self.entries == 6:
            inner = [tuple(group for groups in inner for group in groups)]
        return (
            Slot.of("stem", 1),
            Slot.of("down1", 2),
            Slot.of("trunk", 4, "trunk", *(rest if self.legacy else ())),
            *(Slot.of(f"inner{part}", 4, *groups) for part, groups in enumerate(inner)),
            Slot.of("up1", 2),
            Slot.of("up2", 1),
        )


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    Taps, the four positions that Li et al. distil: `trunk0` is the input of the first block,
    `trunk1` to `trunk3` are the outputs of the blocks that end each third; all lie in the channel
    group `trunk`, at a quarter of the resolution.
    """
    return build(
        lambda w: ResNet(w, spec.inner_groups, spec.separable, spec.norm),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


def _norm(kind: Norm, group: str, name: str) -> nn.Module:
    if kind == "slimming":
        return norm_layer("instance" if group == "trunk" else "affine", group, name)
    return norm_layer(kind, group, name)


class ResNet(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    inner_groups: tuple[tuple[str, ...], ...]
    separable: bool
    norm: Norm

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None = None, momentum: float | None = None
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        w = self.widths
        options = _options(self.norm)

        def layer(kind, x, group: str, source: str | None, name: str, **more) -> jax.Array:
            x = kind(w[group], (source, group), name=name, **more, **options)(x)
            x = _norm(self.norm, group, f"{name}_norm")(x, masks, momentum)
            return gate(nn.relu(x), masks, group)

        x = jnp.clip(x, -1.0, 1.0)
        x = layer(Conv, x, "stem", None, "stem", size=7, pad=3, padding="reflect")
        x = layer(Conv, x, "down1", "stem", "down1", stride=2, pad=1)
        x = layer(Conv, x, "trunk", "down1", "down2", stride=2, pad=1)
        taps = {"trunk0": x}
        for third, groups in enumerate(self.inner_groups):
            for group in groups:
                block = Block(w["trunk"], w[group], group, self.separable, self.norm, name=group)
                x = block(x, masks, momentum)
            taps[f"trunk{third + 1}"] = x
        x = layer(ConvTranspose, x, "up1", "trunk", "up1")
        x = layer(ConvTranspose, x, "up2", "up1", "up2")
        initial = options["initial"]
        head = Conv(
            3, ("up2", None), size=7, pad=3, padding="reflect", initial=initial, name="head"
        )
        return Output(jnp.tanh(head(x)), taps)


def _options(norm: Norm) -> dict:
    # A bias before a batch norm would do nothing; before an instance norm it does nothing either,
    # but every published network has it.
    return {"use_bias": norm != "batch", "initial": TORCH if norm == "slimming" else NORMAL}


class Block(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without an activation after the sum."""

    trunk: int
    inner: int
    group: str
    separable: bool
    norm: Norm = "instance"

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None, momentum: float | None = None
    ) -> jax.Array:
        """(b h w trunk) to the same shape."""
        conv = self._separable if self.separable else self._dense
        y = conv(x, self.inner, "trunk", self.group, "conv1", masks)
        y = _norm(self.norm, self.group, "conv1_norm")(y, masks, momentum)
        y = gate(nn.relu(y), masks, self.group)
        y = conv(y, self.trunk, self.group, "trunk", "conv2", masks)
        y = _norm(self.norm, "trunk", "conv2_norm")(y, masks, momentum)
        return x + gate(y, masks, "trunk")

    def _dense(self, x, features, source, group, name, masks):
        del masks  # inactive inputs are zero already, and the caller gates the outputs
        options = _options(self.norm)
        return Conv(features, (source, group), pad=1, padding="reflect", name=name, **options)(x)

    def _separable(self, x, features, source, group, name, masks):
        return separable_conv(x, features, (source, group), masks, name=name)
