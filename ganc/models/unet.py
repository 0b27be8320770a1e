"""The U-Net generator of pix2pix, and the deeper one that teaches in OMGD.

Reference: Isola et al. 2017 (arXiv 1611.07004) for the network; Ren et al. 2021 (arXiv 2108.06908)
for the deeper one and for what is distilled.

Differs from the reference: there is no dropout. pix2pix drops half of the activations of its inner
decoder stages in training (OMGD's rate is 0); dropout has no parameters and none is dropped in
evaluation.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc.models.build import build
from ganc.models.expansion import Expansion, inner_groups
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.layers import ConvTranspose, leaky
from ganc.nn.norm import Norm
from ganc.types import Channels, Generator, Output, Slot, Widths


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 in pix2pix.
        downs: how often the resolution is halved, at least 5: 8 for 256 px, 7 for 128 px.
        norm: what follows all convolutions but the first, the innermost and the last.
        deeper: two residual blocks more on every level of both paths, 28 with `downs` 8.
    """

    ngf: int = 64
    downs: int = 8
    norm: Norm = "batch"
    deeper: bool = False

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1, "downs": 5})

    def blocks(self, stage: str) -> tuple[str, ...]:
        """The residual blocks of a stage."""
        inner = f"enc{self.downs - 1}", f"dec{self.downs - 1}"
        if not self.deeper or stage in inner:
            return ()
        return f"{stage}_block0", f"{stage}_block1"

    def slots(self) -> tuple[Slot, ...]:
        """One entry per stage; it drives the stage's residual blocks too."""
        stages = {f"enc{i}": min(2**i, 8) for i in range(self.downs)}
        stages |= {f"dec{i}": min(2 ** (i - 1), 8) for i in range(self.downs - 1, 0, -1)}
        slots = [Slot(stage, self._groups(stage, {stage: k}, k)) for stage, k in stages.items()]
        if self.deeper:  # the last stage's blocks work on two concatenated groups
            slots.append(Slot("dec0", self._groups("dec0", {}, 2)))
        return tuple(slots)

    def _groups(self, stage: str, own: dict[str, int], multiplier: int) -> FrozenDict[str, int]:
        for block in self.blocks(stage):
            own = own | inner_groups(block, multiplier)
        return FrozenDict(own)


def generator(spec: Spec) -> Generator:
    """The generator of `spec`; the entries of an architecture are the widths of its stages.

    Stage `enc<i>` halves the resolution, counting from 0; `dec<i>` undoes that, from `enc<i>` and
    `dec<i + 1>` concatenated.

    Taps, the four positions that Ren et al. distil: `enc1` and `enc3` are what those stages give,
    after the LeakyReLU; `cat3` and `cat1` are what dec3 and dec1 take, after the ReLU.
    """
    side = 2**spec.downs
    return build(
        lambda widths: UNet(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={"enc1": "enc1", "enc3": "enc3", "cat3": _source(3), "cat1": _source(1)},
        divisor=side,
        minimum=side,
        spec=spec,
    )


def _source(stage: int) -> tuple[str, ...]:
    return f"enc{stage}", f"dec{stage + 1}"


class UNet(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(self, x: jax.Array) -> Output:
        """Pictures (b h w 3) to pictures of the same shape."""
        last, skips, taps = self.spec.downs - 1, [], {}
        # The activations come later, behind the blocks of the deeper net.
        layer = cyclegan_layer(self.spec.norm, self.widths, size=4, activation=None)

        def refine(x: jax.Array, stage: str, group: Channels) -> jax.Array:
            for name in self.spec.blocks(stage):
                x = Expansion(self.widths, group, self.spec.norm, name=name)(x)
            return x

        for i in range(last + 1):
            stage, source = f"enc{i}", f"enc{i - 1}" if i else None
            options = {} if 0 < i < last else {"norm": None}
            x = layer(x, source, stage, stride=2, pad=1, **options)
            # The skips are taken behind the LeakyReLU, which works in place in the reference: only
            # the blocks of the deeper dec0 can tell, everywhere else a ReLU is next.
            x = leaky(refine(x, stage, stage))
            skips.append(x)
        for i in range(last, -1, -1):
            stage, source = f"dec{i}", _source(i) if i < last else f"enc{i}"
            if i < last:
                x = jnp.concatenate([skips[i], x], axis=-1)
            if i == 0:
                x = refine(x, stage, source)
            x = nn.relu(x)
            if i in (1, 3):
                taps[f"cat{i}"] = x
            if i > 0:
                x = refine(layer(x, source, stage, kind=ConvTranspose), stage, stage)
        x = ConvTranspose(3, (_source(0), None), size=4, name="dec0")(x)
        return Output(jnp.tanh(x), {"enc1": skips[1], "enc3": skips[3], **taps})
