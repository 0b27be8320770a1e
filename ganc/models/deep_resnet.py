"""The deeper mobile ResNet that teaches in OMGD.

Reference: Ren et al. 2021 (arXiv 2108.06908), released code: the mobile ResNet of Li et al. 2020
(arXiv 2003.08936) with a residual block and a convolution more at every change of resolution and
two residual blocks between those of the trunk.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc.models.build import build
from ganc.models.expansion import Expansion, inner_groups
from ganc.models.resnet import Block
from ganc.nn.layers import Conv, ConvTranspose, gate
from ganc.nn.norm import InstanceNorm
from ganc.types import Generator, Masks, Output, Slot, Widths


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 12, 16 or 24 in OMGD.
        blocks: separable residual blocks, a multiple of 3; 9 in OMGD.
    """

    ngf: int = 16
    blocks: int = 9

    def __post_init__(self) -> None:
        if self.ngf < 1:
            raise ValueError(f"ngf must be at least 1, got {self.ngf}")
        if self.blocks < 3 or self.blocks % 3:
            raise ValueError(f"blocks must be a positive multiple of 3, got {self.blocks}")


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    `down1`, `down2`, `up1` and `up2` are the convolutions that change the resolution, each with its
    residual block; `down1_out`, `trunk`, `up1_out` and `up2_out` the ones that follow.

    Taps: the same positions as those of the ResNet family.
    """
    return build(
        lambda w: DeepResNet(w, spec.blocks),
        slots=(
            Slot.of("stem", 1),
            *_stage("down1", "down1_out", 2),
            *_stage("down2", "trunk", 4),
            *_trunk(spec.blocks),
            *_stage("up1", "up1_out", 2),
            *_stage("up2", "up2_out", 1),
        ),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


def _stage(name: str, out: str, k: int) -> tuple[Slot, Slot]:
    return Slot(name, FrozenDict({name: k} | inner_groups(f"{name}_block", k))), Slot.of(out, k)


def _trunk(blocks: int) -> tuple[Slot, ...]:
    names = [f"block{i}" for i in range(blocks)]
    half = blocks // 2
    middle = inner_groups("middle0", 4) | inner_groups("middle1", 4)
    return (
        Slot.of("inner0", 4, *names[:half]),
        Slot("middle", FrozenDict(middle)),
        Slot.of("inner1", 4, *names[half:]),
    )


class DeepResNet(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    blocks: int

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None = None, momentum: float | None = None
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        w = self.widths

        def layer(kind, x: jax.Array, source: str | None, group: str, **options) -> jax.Array:
            x = kind(w[group], (source, group), name=group, **options)(x)
            return gate(nn.relu(InstanceNorm(group)(x)), masks, group)

        def expand(x: jax.Array, group: str, name: str) -> jax.Array:
            return Expansion(w, group, "instance", name=name)(x, masks, momentum)

        def stage(kind, x: jax.Array, groups: tuple[str, str, str], **options) -> jax.Array:
            source, group, out = groups
            x = layer(kind, x, source, group, **options)
            return layer(Conv, expand(x, group, f"{group}_block"), group, out, pad=1)

        x = layer(Conv, x, None, "stem", size=7, pad=3, padding="reflect")
        x = stage(Conv, x, ("stem", "down1", "down1_out"), stride=2, pad=1)
        x = stage(Conv, x, ("down1_out", "down2", "trunk"), stride=2, pad=1)
        taps = {"trunk0": x}
        for i in range(self.blocks):
            if i == self.blocks // 2:
                x = expand(expand(x, "trunk", "middle0"), "trunk", "middle1")
            x = Block(w["trunk"], w[f"block{i}"], f"block{i}", True, name=f"block{i}")(x, masks)
            if (i + 1) % (self.blocks // 3) == 0:
                taps[f"trunk{3 * (i + 1) // self.blocks}"] = x
        x = stage(ConvTranspose, x, ("trunk", "up1", "up1_out"))
        x = stage(ConvTranspose, x, ("up1_out", "up2", "up2_out"))
        x = Conv(3, ("up2_out", None), size=7, pad=3, padding="reflect", name="head")(x)
        return Output(jnp.tanh(x), taps)
