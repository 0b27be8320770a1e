"""The generator of CartoonGAN, as its authors' released weights have it.

Reference: Chen, Lai and Liu 2018 (CVPR, CartoonGAN), figure 2. A ResNet whose two resolution
changes are each followed by a second convolution, with one norm for the pair.

Differs from the reference: pictures are RGB, where the released weights see BGR; loading them turns
the first and the last kernel round. Fresh weights are drawn from N(0, 0.02).
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build
from ganc.nn.layers import Conv, ConvTranspose, gate
from ganc.nn.norm import InstanceNorm
from ganc.types import Generator, Masks, Output, Slot, Widths


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
        if self.ngf < 1:
            raise ValueError(f"ngf must be at least 1, got {self.ngf}")
        if self.blocks < 3:
            raise ValueError(f"blocks must be at least 3, got {self.blocks}")

    @property
    def inner_groups(self) -> tuple[tuple[str, ...], ...]:
        """The inner channel groups of the first, second and last third of the blocks."""
        third = -(-self.blocks // 3)
        names = tuple(f"block{i}" for i in range(self.blocks))
        return names[:third], names[third : 2 * third], names[2 * third :]


def generator(spec: Spec) -> Generator:
    """The generator of `spec`, with eight slots like those of the ResNet family.

    Taps as there: `trunk0` before the blocks, `trunk1` to `trunk3` after each third of them.
    """
    slots = (
        Slot.of("stem", 1),
        Slot.of("down1", 2, "down1_strided", "down1"),
        Slot.of("trunk", 4, "down2_strided", "trunk"),
        *(Slot.of(f"inner{part}", 4, *groups) for part, groups in enumerate(spec.inner_groups)),
        Slot.of("up1", 2, "up1_strided", "up1"),
        Slot.of("up2", 1, "up2_strided", "up2"),
    )
    return build(
        lambda w: Cartoon(w, spec.inner_groups),
        slots=slots,
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


class Cartoon(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    inner_groups: tuple[tuple[str, ...], ...]

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None = None, momentum: float | None = None
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        del momentum
        w = self.widths

        def conv(kind, x, source, group: str, **options) -> jax.Array:
            return kind(w[group], (source, group), name=group, **options)(x)

        def norm(x, group: str, name: str) -> jax.Array:
            # The epsilon of the released network.
            x = InstanceNorm(group, affine=True, eps=1e-9, name=f"{name}_norm")(x)
            return gate(x, masks, group)

        def pair(kind, x, source: str, strided: str, group: str, **options) -> jax.Array:
            x = gate(conv(kind, x, source, strided, **options), masks, strided)
            return nn.relu(norm(conv(Conv, x, strided, group, pad=1), group, group))

        def block(x, group: str) -> jax.Array:
            def half(x, source: str, target: str, name: str) -> jax.Array:
                layer = Conv(w[target], (source, target), pad=1, padding="reflect", name=name)
                return norm(layer(x), target, name)

            inner = nn.relu(half(x, "trunk", group, f"{group}_conv1"))
            return x + half(inner, group, "trunk", f"{group}_conv2")

        x = conv(Conv, x, None, "stem", size=7, pad=3, padding="reflect")
        x = nn.relu(norm(x, "stem", "stem"))
        x = pair(Conv, x, "stem", "down1_strided", "down1", stride=2, pad=1)
        x = pair(Conv, x, "down1", "down2_strided", "trunk", stride=2, pad=1)
        taps = {"trunk0": x}
        for part, groups in enumerate(self.inner_groups):
            for group in groups:
                x = block(x, group)
            taps[f"trunk{part + 1}"] = x
        x = pair(ConvTranspose, x, "trunk", "up1_strided", "up1")
        x = pair(ConvTranspose, x, "up1", "up2_strided", "up2")
        head = Conv(3, ("up2", None), size=7, pad=3, padding="reflect", name="head")
        return Output(jnp.tanh(head(x)), taps)
