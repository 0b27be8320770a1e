"""The generator of CartoonGAN, as its authors' released weights have it.

Reference: Chen, Lai and Liu 2018 (CVPR, CartoonGAN), figure 2. A ResNet whose two resolution
changes are each followed by a second convolution, with one norm for the pair.

Differs from the reference: pictures are RGB, where the released weights see BGR; loading them turns
the first and the last kernel round. Fresh weights are drawn from N(0, 0.02).
"""

from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build
from ganc.models.resnet import thirds
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import conv_norm
from ganc.nn.layers import Conv, ConvTranspose
from ganc.nn.norm import InstanceNorm
from ganc.types import Generator, Group, Output, Slot, Widths, slot


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 as published.
        blocks: residual blocks; 8 as published.
    """

    ngf: int = 64
    blocks: int = 8

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1, "blocks": 3})

    def slots(self) -> tuple[Slot, ...]:
        """Eight entries like those of the ResNet family."""
        return (
            slot("stem", 1),
            slot("down1", 2, "down1_strided", "down1"),
            slot("trunk", 4, "down2_strided", "trunk"),
            *(slot(f"inner{part}", 4, *groups) for part, groups in enumerate(thirds(self.blocks))),
            slot("up1", 2, "up1_strided", "up1"),
            slot("up2", 1, "up2_strided", "up2"),
        )


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    Taps like those of the ResNet family: `trunk0` before the blocks, `trunk1` to `trunk3` after
    each third of them.
    """
    return build(
        lambda widths: Cartoon(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


class Cartoon(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(self, x: jax.Array) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        layer = partial(conv_norm, widths=self.widths, norm=_norm)

        def resize(x: jax.Array, source: str, name: str, group: str, **options) -> jax.Array:
            strided = f"{name}_strided"
            x = layer(x, source, strided, norm=None, activation=None, **options)
            return layer(x, strided, group, name=name, pad=1)

        def block(x: jax.Array, group: str) -> jax.Array:
            half = partial(layer, pad=1, padding="reflect")
            y = half(x, "trunk", group, name=f"{group}_conv1")
            return x + half(y, group, "trunk", name=f"{group}_conv2", activation=None)

        x = layer(x, None, "stem", size=7, pad=3, padding="reflect")
        x = resize(x, "stem", "down1", "down1", stride=2, pad=1)
        x = resize(x, "down1", "down2", "trunk", stride=2, pad=1)
        taps = {"trunk0": x}
        for part, groups in enumerate(thirds(self.spec.blocks)):
            for group in groups:
                x = block(x, group)
            taps[f"trunk{part + 1}"] = x
        x = resize(x, "trunk", "up1", "up1", kind=ConvTranspose)
        x = resize(x, "up1", "up2", "up2", kind=ConvTranspose)
        head = Conv(3, ("up2", None), size=7, pad=3, padding="reflect", name="head")
        return Output(jnp.tanh(head(x)), taps)


def _norm(group: Group, name: str) -> InstanceNorm:
    # The epsilon of the released network.
    return InstanceNorm(group, affine=True, eps=1e-9, name=name)
