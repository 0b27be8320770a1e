"""The GauGAN generator: from a label map to a picture, dense or with separable modulation.

Reference: Park et al. 2019 (arXiv 1903.07291) for the network; Li et al. 2020 (arXiv 2003.08936)
for the mobile variant and for the eight entries of its architectures.

Differs from the reference: `SpadeNorm` in `ganc/models/spade_layers.py` lists what concerns running
statistics, and `ganc/models/statistics.py` how they are recalibrated.
"""

from dataclasses import dataclass, replace
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc.models.build import build
from ganc.models.spade_layers import Block, shrink
from ganc.models.specs import check_spec
from ganc.nn import spectral
from ganc.nn.conv import upsample
from ganc.nn.conv_norm import conv_norm
from ganc.nn.initial import XAVIER
from ganc.nn.layers import Conv, leaky
from ganc.types import Generator, Output, Params, Slot, Widths, slot

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
    upsampling: Literal["more", "normal"] = "more"
    spectral: bool = False

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1, "labels": 1})

    @property
    def reduction(self) -> int:
        """How many pixels of the picture a position of the first activations stands for."""
        return 2 ** _DOUBLINGS[self.upsampling]

    def slots(self) -> tuple[Slot, ...]:
        """The entries of gan-compression's architecture strings, in their order.

        Every entry after the first drives the width of a block and the hidden width of its norms.
        """
        blocks = (
            Slot(name, FrozenDict({name: times, hidden(name): HIDDEN}))
            for name, times in BLOCKS.items()
        )
        return slot("trunk", TRUNK), *blocks


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    The input is a label map as `ganc.data.labels.encode` makes it. Taps, the three positions that
    Li et al. distil, are the outputs of the blocks they are named after.
    """
    return build(
        lambda widths: Spade(widths, spec),
        slots=spec.slots(),
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
    def __call__(self, x: jax.Array) -> Output:
        """Label maps (b h w l) to pictures (b h w 3)."""
        w, spec, labels, taps = self.widths, self.spec, x, {}
        x = shrink(labels, labels.shape[1] // spec.reduction)
        options = {"widths": w, "activation": None, "pad": 1, "initial": XAVIER}
        x = conv_norm(x, None, "trunk", name="fc", **options)
        source = "trunk"
        for name in BLOCKS:
            if name != "head_0" and (name != "middle_1" or spec.upsampling == "more"):
                x = upsample(x)
            target = name if name.startswith("up") else "trunk"
            kinds = (spec.separable, spec.spectral)
            x = Block(w, source, name, target, hidden(name), *kinds, name=name)(x, labels)
            source = target
            if name in TAPS:
                taps[name] = x
        image = Conv(3, ("up_3", None), pad=1, initial=XAVIER, name="conv_img")
        return Output(jnp.tanh(image(leaky(x))), taps)
