"""The deeper mobile ResNet that teaches in OMGD.

Reference: Ren et al. 2021 (arXiv 2108.06908), released code: the mobile ResNet of Li et al. 2020
(arXiv 2003.08936) with a residual block and a convolution more at every change of resolution and
two residual blocks in the middle of the trunk.
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
from ganc.nn.norm import Norm, check_norm, norm_layer
from ganc.types import Generator, Masks, Output, Slot, Widths


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 12, 16 or 24 in OMGD.
        blocks: separable residual blocks, a multiple of 3; 9 in OMGD.
        norm: what follows the convolutions; `instance` in OMGD.
    """

    ngf: int = 16
    blocks: int = 9
    norm: Norm = "instance"

    def __post_init__(self) -> None:
        if self.ngf < 1:
            raise ValueError(f"ngf must be at least 1, got {self.ngf}")
        if self.blocks < 3 or self.blocks % 3:
            raise ValueError(f"blocks must be a positive multiple of 3, got {self.blocks}")
        check_norm(self.norm)

    def slots(self) -> tuple[Slot, ...]:
        """One entry per convolution outside the trunk, and three for the blocks inside it."""
        names, half = [f"block{i}" for i in range(self.blocks)], self.blocks // 2
        middle = inner_groups("middle0", 4) | inner_groups("middle1", 4)
        return (
            Slot.of("stem", 1),
            *_resized("down1", "down1", 2),
            *_resized("down2", "trunk", 4),
            Slot.of("inner0", 4, *names[:half]),
            Slot("middle", FrozenDict(middle)),
            Slot.of("inner1", 4, *names[half:]),
            *_resized("up1", "up1", 2),
            *_resized("up2", "up2", 1),
        )


def _resized(name: str, out: str, k: int) -> tuple[Slot, Slot]:
    groups = {f"{name}_strided": k} | inner_groups(f"{name}_block", k)
    return Slot(f"{name}_strided", FrozenDict(groups)), Slot.of(out, k)


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    Taps: the positions of the ResNet family's, before the blocks and after each third of them.
    """
    return build(
        lambda w: DeepResNet(w, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


class DeepResNet(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None = None, momentum: float | None = None
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        w, norm, blocks = self.widths, self.spec.norm, self.spec.blocks

        def layer(kind, x, source: str | None, group: str, **options) -> jax.Array:
            bias = norm == "instance"
            x = kind(w[group], (source, group), use_bias=bias, name=group, **options)(x)
            x = norm_layer(norm, group, f"{group}_norm")(x, masks, momentum)
            return gate(nn.relu(x), masks, group)

        def expand(x: jax.Array, group: str, name: str) -> jax.Array:
            return Expansion(w, group, norm, name=name)(x, masks, momentum)

        def resize(kind, x, source: str, name: str, out: str, **options) -> jax.Array:
            strided = f"{name}_strided"
            x = expand(layer(kind, x, source, strided, **options), strided, f"{name}_block")
            return layer(Conv, x, strided, out, pad=1)

        x = layer(Conv, x, None, "stem", size=7, pad=3, padding="reflect")
        x = resize(Conv, x, "stem", "down1", "down1", stride=2, pad=1)
        x = resize(Conv, x, "down1", "down2", "trunk", stride=2, pad=1)
        taps = {"trunk0": x}
        for i in range(blocks):
            if i == blocks // 2:
                x = expand(expand(x, "trunk", "middle0"), "trunk", "middle1")
            name = f"block{i}"
            x = Block(w["trunk"], w[name], name, True, norm, name=name)(x, masks, momentum)
            if (i + 1) % (blocks // 3) == 0:
                taps[f"trunk{3 * (i + 1) // blocks}"] = x
        x = resize(ConvTranspose, x, "trunk", "up1", "up1")
        x = resize(ConvTranspose, x, "up1", "up2", "up2")
        x = Conv(3, ("up2", None), size=7, pad=3, padding="reflect", name="head")(x)
        return Output(jnp.tanh(x), taps)
