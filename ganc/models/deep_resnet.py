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
from ganc.models.resnet import Block, thirds
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.layers import Conv, ConvTranspose
from ganc.nn.norm import Norm
from ganc.types import Generator, Output, Slot, Widths, slot


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
        check_spec(self, least={"ngf": 1}, multiples={"blocks": 3})

    def slots(self) -> tuple[Slot, ...]:
        """One entry per convolution outside the trunk, and three for the blocks inside it."""
        names, half = [f"block{i}" for i in range(self.blocks)], self.blocks // 2
        middle = inner_groups("middle0", 4) | inner_groups("middle1", 4)
        return (
            slot("stem", 1),
            *_resized("down1", "down1", 2),
            *_resized("down2", "trunk", 4),
            slot("inner0", 4, *names[:half]),
            Slot("middle", FrozenDict(middle)),
            slot("inner1", 4, *names[half:]),
            *_resized("up1", "up1", 2),
            *_resized("up2", "up2", 1),
        )


def _resized(name: str, out: str, k: int) -> tuple[Slot, Slot]:
    groups = {f"{name}_strided": k} | inner_groups(f"{name}_block", k)
    return Slot(f"{name}_strided", FrozenDict(groups)), slot(out, k)


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    Taps: the positions of the ResNet family's, before the blocks and after each third of them.
    """
    return build(
        lambda widths: DeepResNet(widths, spec),
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
    def __call__(self, x: jax.Array) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        w, norm = self.widths, self.spec.norm
        layer = cyclegan_layer(norm, w)

        def resize(x: jax.Array, source: str, name: str, group: str, **options) -> jax.Array:
            strided = f"{name}_strided"
            x = layer(x, source, strided, **options)
            x = Expansion(w, strided, norm, name=f"{name}_block")(x)
            return layer(x, strided, group, name=name, pad=1)

        x = layer(x, None, "stem", size=7, pad=3, padding="reflect")
        x = resize(x, "stem", "down1", "down1", stride=2, pad=1)
        x = resize(x, "down1", "down2", "trunk", stride=2, pad=1)
        taps = {"trunk0": x}
        middle = f"block{self.spec.blocks // 2}"
        for part, groups in enumerate(thirds(self.spec.blocks)):
            for group in groups:
                if group == middle:
                    x = Expansion(w, "trunk", norm, name="middle0")(x)
                    x = Expansion(w, "trunk", norm, name="middle1")(x)
                x = Block(w, group, True, norm, name=group)(x)
            taps[f"trunk{part + 1}"] = x
        x = resize(x, "trunk", "up1", "up1", kind=ConvTranspose)
        x = resize(x, "up1", "up2", "up2", kind=ConvTranspose)
        x = Conv(3, ("up2", None), size=7, pad=3, padding="reflect", name="head")(x)
        return Output(jnp.tanh(x), taps)
