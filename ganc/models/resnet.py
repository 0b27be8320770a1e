"""The ResNet generator of CycleGAN and pix2pix, dense or with separable residual blocks.

Reference: Johnson et al. 2016 and Zhu et al. 2017 (arXiv 1703.10593) for the network; Li et al.
2020 (arXiv 2003.08936) for the mobile variant, whose residual convolutions are depthwise 3x3,
instance norm, pointwise 1x1; Wang et al. 2020 (arXiv 2008.11062) for the norms that can be slimmed;
Odena et al. 2016 (Distill, "Deconvolution and checkerboard artifacts") for resizing before a
convolution.

Differs from the reference: inputs are always clamped to [-1, 1], which not every reference does;
images already lie there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build
from ganc.models.specs import check_spec
from ganc.nn.conv import upsample
from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.initial import NORMAL, TORCH, Initial
from ganc.nn.layers import Conv, ConvTranspose
from ganc.nn.norm import norm_layer
from ganc.nn.separable import same_conv
from ganc.types import Generator, Group, Output, Slot, Widths, slot

Norm = Literal["batch", "instance", "affine", "slimming"]
"""Those of `ganc.nn.norm`, `instance` in every published CycleGAN, and `slimming`: `affine` where
the channels belong to no skip, 13 places with nine blocks, with PyTorch's own initial weights. That
is GAN Slimming's network."""

Upsampling = Literal["transposed", "resize"]
"""`transposed`: 3x3 transposed convolutions, as in every published model; they can leave a grid in
the pictures. `resize`: nearest neighbours and then a 3x3 convolution, which leaves none, at four
times the multiply-adds of these two layers."""


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
        upsampling: how the last two stages double the resolution.
        legacy: the entries for inner widths drive the first block of every three, the others are as
            wide inside as outside: gan-compression's first models again.
    """

    ngf: int = 64
    blocks: int = 9
    separable: bool = False
    norm: Norm = "instance"
    entries: Literal[6, 8] = 8
    upsampling: Upsampling = "transposed"
    legacy: bool = False

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1}, multiples={"blocks": 3})
        if self.legacy and self.blocks != 9:
            raise ValueError(f"legacy must have 9 blocks, got {self.blocks}")

    def slots(self) -> tuple[Slot, ...]:
        """The entries of gan-compression's architecture strings, in their order."""
        parts = thirds(self.blocks)
        inner = [groups[:1] if self.legacy else groups for groups in parts]
        rest = [group for groups in parts for group in groups[1:]]
        if self.entries == 6:
            inner = [tuple(group for groups in inner for group in groups)]
        return (
            slot("stem", 1),
            slot("down1", 2),
            slot("trunk", 4, "trunk", *(rest if self.legacy else ())),
            *(slot(f"inner{part}", 4, *groups) for part, groups in enumerate(inner)),
            slot("up1", 2),
            slot("up2", 1),
        )


def thirds(blocks: int) -> tuple[tuple[str, ...], ...]:
    """The inner channel groups of the first, second and last third of so many blocks."""
    third = -(-blocks // 3)
    names = tuple(f"block{i}" for i in range(blocks))
    return names[:third], names[third : 2 * third], names[2 * third :]


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    Taps, the four positions that Li et al. distil: `trunk0` is the input of the first block,
    `trunk1` to `trunk3` are the outputs of the blocks that end each third; all lie in the channel
    group `trunk`, at a quarter of the resolution.
    """
    return build(
        lambda widths: ResNet(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


class ResNet(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(self, x: jax.Array) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        w, spec = self.widths, self.spec
        layer = _layer(w, spec.norm)
        x = jnp.clip(x, -1.0, 1.0)
        x = layer(x, None, "stem", size=7, pad=3, padding="reflect")
        x = layer(x, "stem", "down1", stride=2, pad=1)
        x = layer(x, "down1", "trunk", name="down2", stride=2, pad=1)
        taps = {"trunk0": x}
        for part, groups in enumerate(thirds(spec.blocks)):
            for group in groups:
                x = Block(w, group, spec.separable, spec.norm, name=group)(x)
            taps[f"trunk{part + 1}"] = x
        for source, group in (("trunk", "up1"), ("up1", "up2")):
            if spec.upsampling == "resize":
                x = layer(upsample(x), source, group, pad=1)
            else:
                x = layer(x, source, group, kind=ConvTranspose)
        head = {"size": 7, "pad": 3, "padding": "reflect", "initial": _initial(spec.norm)}
        return Output(jnp.tanh(Conv(3, ("up2", None), name="head", **head)(x)), taps)


class Block(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without an activation after the sum.

    Attributes:
        widths: channel group -> width.
        group: the inner channel group.
        separable: whether the convolutions are; those have biases before any norm.
        norm: what follows them.
    """

    widths: Widths
    group: str
    separable: bool
    norm: Norm = "instance"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w trunk) to the same shape."""
        options = {"use_bias": True} if self.separable else {}
        layer = _layer(self.widths, self.norm, kind=same_conv(self.separable), **options)
        y = layer(x, "trunk", self.group, name="conv1")
        return x + layer(y, self.group, "trunk", name="conv2", activation=None)


def _layer(widths: Widths, norm: Norm, **options) -> Callable[..., jax.Array]:
    options["initial"] = _initial(norm)
    if norm == "slimming":
        return cyclegan_layer("affine", widths, norm=_slimming, **options)
    return cyclegan_layer(norm, widths, **options)


def _slimming(group: Group, name: str) -> nn.Module:
    return norm_layer("instance" if group == "trunk" else "affine", group, name)


def _initial(norm: Norm) -> Initial:
    return TORCH if norm == "slimming" else NORMAL
