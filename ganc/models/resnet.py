"""The ResNet generator of CycleGAN and pix2pix, dense or with separable residual blocks.

Reference: Johnson et al. 2016 and Zhu et al. 2017 (arXiv 1703.10593) for the network; Li et al.
2020 (arXiv 2003.08936) for the mobile variant, whose residual convolutions are depthwise 3x3,
instance norm, pointwise 1x1.

Differs from the reference: inputs are always clamped to [-1, 1] (the reference's mobile generator,
alone of the family, does not); images already lie there.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build
from ganc.nn.layers import Conv, ConvTranspose, gate
from ganc.nn.norm import InstanceNorm
from ganc.nn.separable import separable_conv
from ganc.types import Generator, Masks, Output, Slot, Widths


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 in every published model.
        blocks: residual blocks, a multiple of 3: 9 for 256 px, 6 for smaller pictures.
        separable: the mobile variant.
    """

    ngf: int = 64
    blocks: int = 9
    separable: bool = False

    def __post_init__(self) -> None:
        if self.ngf < 1:
            raise ValueError(f"ngf must be at least 1, got {self.ngf}")
        if self.blocks < 3 or self.blocks % 3:
            raise ValueError(f"blocks must be a positive multiple of 3, got {self.blocks}")

    @property
    def inner_groups(self) -> tuple[tuple[str, ...], ...]:
        """The inner channel groups of the first, second and last third of the blocks."""
        third = self.blocks // 3
        return tuple(
            tuple(f"block{i}" for i in range(part * third, (part + 1) * third)) for part in range(3)
        )


def generator(spec: Spec) -> Generator:
    """The generator of `spec`, with the eight slots of gan-compression's architecture strings.

    Taps, the four positions that Li et al. distil: `trunk0` is the input of the first block,
    `trunk1` to `trunk3` are the outputs of the blocks that end each third; all lie in the channel
    group `trunk`, at a quarter of the resolution.
    """
    slots = (
        Slot.of("stem", 1),
        Slot.of("down1", 2),
        Slot.of("trunk", 4),
        *(Slot.of(f"inner{third}", 4, *groups) for third, groups in enumerate(spec.inner_groups)),
        Slot.of("up1", 2),
        Slot.of("up2", 1),
    )
    return build(
        lambda w: ResNet(w, spec.inner_groups, spec.separable),
        slots=slots,
        base=spec.ngf,
        taps={f"trunk{i}": "trunk" for i in range(4)},
        divisor=4,
        minimum=8,  # reflecting one pixel at a quarter of the size needs two
        spec=spec,
    )


class ResNet(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    inner_groups: tuple[tuple[str, ...], ...]
    separable: bool

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None = None, momentum: float | None = None
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        del momentum
        w = self.widths

        def conv(group: str, source: str | None, **options) -> Conv:
            return Conv(w[group], (source, group), **options)

        def activate(x: jax.Array, group: str) -> jax.Array:
            return gate(nn.relu(InstanceNorm(group)(x)), masks, group)

        x = jnp.clip(x, -1.0, 1.0)
        x = conv("stem", None, size=7, pad=3, padding="reflect", name="stem")(x)
        x = activate(x, "stem")
        x = activate(conv("down1", "stem", stride=2, pad=1, name="down1")(x), "down1")
        x = activate(conv("trunk", "down1", stride=2, pad=1, name="down2")(x), "trunk")
        taps = {"trunk0": x}
        for third, groups in enumerate(self.inner_groups):
            for group in groups:
                x = Block(w["trunk"], w[group], group, self.separable, name=group)(x, masks)
            taps[f"trunk{third + 1}"] = x
        x = activate(ConvTranspose(w["up1"], ("trunk", "up1"), name="up1")(x), "up1")
        x = activate(ConvTranspose(w["up2"], ("up1", "up2"), name="up2")(x), "up2")
        x = Conv(3, ("up2", None), size=7, pad=3, padding="reflect", name="head")(x)
        return Output(jnp.tanh(x), taps)


class Block(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without an activation after the sum."""

    trunk: int
    inner: int
    group: str
    separable: bool

    @nn.compact
    def __call__(self, x: jax.Array, masks: Masks | None) -> jax.Array:
        """(b h w trunk) to the same shape."""
        conv = self._separable if self.separable else self._dense
        y = conv(x, self.inner, "trunk", self.group, "conv1", masks)
        y = gate(nn.relu(InstanceNorm(self.group)(y)), masks, self.group)
        y = conv(y, self.trunk, self.group, "trunk", "conv2", masks)
        return x + gate(InstanceNorm("trunk")(y), masks, "trunk")

    def _dense(self, x, features, source, group, name, masks):
        del masks  # inactive inputs are zero already, and the caller gates the outputs
        return Conv(features, (source, group), pad=1, padding="reflect", name=name)(x)

    def _separable(self, x, features, source, group, name, masks):
        return separable_conv(x, features, (source, group), masks, name=name)
