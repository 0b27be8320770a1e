"""The GauGAN generator: from a label map to a picture, dense or with separable modulation.

Reference: Park et al. 2019 (arXiv 1903.07291) for the network; Li et al. 2020 (arXiv 2003.08936)
for the mobile variant and for the eight entries of its architectures.

Differs from the reference: `SpadeNorm` in `ganc/models/spade_layers.py` lists what concerns running
statistics, and `ganc/models/statistics.py` how they are recalibrated.
"""

from dataclasses import dataclass, replace

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc.errors import UserError
from ganc.models.build import build
from ganc.models.spade_layers import Block, leaky, shrink
from ganc.nn import spectral
from ganc.nn.conv import upsample
from ganc.nn.initial import XAVIER
from ganc.nn.layers import Conv, gate
from ganc.types import Generator, Masks, Output, Params, Slot, Widths

BLOCKS = {
    "head_0": 16,
    "middle_0": 16,
    "middle_1": 16,
    "up_0": 8,
    "up_1": 4,
    "up_2": 2,
    "up_3": 1,
}
"""Block -> its width in units of ngf: the inner width of the first three, which return to the
trunk, and the inner and outer width of the others."""

TRUNK = 16
"""Width of the trunk in units of ngf."""

HIDDEN = 2
"""Channels between the label map and gamma and beta, in units of ngf."""

TAPS = {"head_0": "trunk", "middle_1": "trunk", "up_1": "up_1"}
_DOUBLINGS = {"more": 6, "normal": 5}


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 in the published models, 48 before the older search.
        labels: channels of the input: one per class, one if there is an unknown class, one for
            edges. 36 for Cityscapes, 184 for COCO-Stuff.
        separable: the mobile variant.
        upsampling: "more" doubles the resolution six times (Cityscapes), "normal" five times.
        spectral: spectral norm on the convolutions of the blocks, as in published teachers while
            they train; such a generator is neither masked nor sliced before it is folded.
    """

    ngf: int = 64
    labels: int = 36
    separable: bool = False
    upsampling: str = "more"
    spectral: bool = False

    def __post_init__(self) -> None:
        if self.ngf < 1:
            raise ValueError(f"ngf must be at least 1, got {self.ngf}")
        if self.labels < 1:
            raise ValueError(f"labels must be at least 1, got {self.labels}")
        if self.upsampling not in _DOUBLINGS:
            valid = " or ".join(_DOUBLINGS)
            raise ValueError(f"upsampling must be {valid}, got {self.upsampling!r}")

    @property
    def reduction(self) -> int:
        """How many pixels of the picture a position of the first activations stands for."""
        return 2 ** _DOUBLINGS[self.upsampling]


def generator(spec: Spec) -> Generator:
    """The generator of `spec`, with the eight slots of gan-compression's architecture strings.

    The input is a label map as `ganc.data.labels.encode` makes it. Every slot after the first
    drives the width of a block and the hidden width of the norms in it. Taps, the three positions
    that Li et al. distil, are the outputs of the blocks they are named after.
    """
    slots = (
        Slot.of("trunk", TRUNK),
        *(
            Slot(name, FrozenDict({name: times, hidden(name): HIDDEN}))
            for name, times in BLOCKS.items()
        ),
    )
    return build(
        lambda w: Spade(w, spec),
        slots=slots,
        base=spec.ngf,
        taps=TAPS,
        divisor=spec.reduction,
        minimum=spec.reduction,
        channels_in=spec.labels,
        spec=spec,
    )


def hidden(block: str) -> str:
    """The channel group inside the norms of a block."""
    return f"{block}_hidden"


def fold(params: Params, spec: Spec) -> tuple[Params, Spec]:
    """Bakes the spectral norm into the kernels, as is done to a teacher before it is compressed.

    Returns: the parameters and the specification of the same generator without spectral norm.
    """
    return spectral.fold(params), replace(spec, spectral=False)


class Spade(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(
        self, x: jax.Array, masks: Masks | None = None, momentum: float | None = None
    ) -> Output:
        """Label maps (b h w l) to pictures (b h w 3)."""
        w, spec = self.widths, self.spec
        if spec.spectral and masks is not None:
            raise UserError("a generator with spectral norm takes no masks: fold it first")
        labels, taps = x, {}
        fc = Conv(w["trunk"], (None, "trunk"), pad=1, initial=XAVIER, name="fc")
        x = gate(fc(shrink(labels, labels.shape[1] // spec.reduction)), masks, "trunk")
        source = "trunk"
        for name in BLOCKS:
            if name != "head_0" and (name != "middle_1" or spec.upsampling == "more"):
                x = upsample(x)
            target = name if name.startswith("up") else "trunk"
            options = (hidden(name), spec.separable, spec.spectral)
            x = Block(w, source, name, target, *options, name=name)(x, labels, masks, momentum)
            source = target
            if name in TAPS:
                taps[name] = x
        image = Conv(3, ("up_3", None), pad=1, initial=XAVIER, name="conv_img")
        return Output(jnp.tanh(image(leaky(x))), taps)
