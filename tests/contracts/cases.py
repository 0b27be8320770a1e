"""What the contracts run over: every family in every form, and what published models cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
from flax.core import FrozenDict

from ganc.models import resnet
from ganc.types import Generator


@dataclass(frozen=True)
class Case:
    """A specification of a family; `dense` where its plain net has no grouped convolution."""

    family: str
    spec: Any
    dense: bool

    def __str__(self) -> str:
        return str(self.spec)


def _resnet_module(spec: resnet.Spec, widths: Mapping[str, int]) -> nn.Module:
    return resnet.ResNet(FrozenDict(widths), spec.inner_groups, spec.separable)


GENERATORS: dict[str, Callable[[Any], Generator]] = {"resnet": resnet.generator}

MODULES: dict[str, Callable[[Any, Mapping[str, int]], nn.Module]] = {"resnet": _resnet_module}
"""Family -> its module at any widths, which `Generator` itself does not show."""

CASES = [
    Case("resnet", resnet.Spec(ngf=4, blocks=blocks, separable=separable), not separable)
    for blocks in (3, 6, 9)
    for separable in (False, True)
]


def _mobile(ngf: int) -> resnet.Spec:
    return resnet.Spec(ngf=ngf, separable=True)


# (family, spec, architecture or None for full width): parameters, and multiply-adds at 256 px by
# the published convention and true. Published models: profiled with torchprofile 0.0.1, see Li et
# al. 2020 (arXiv 2003.08936), table 1, and their released configurations; strings of six entries
# are written out as eight. Cases of ngf 4: computed by hand from the layers.
COSTS: dict[tuple[str, Any, str | None], tuple[int, int, int]] = {
    ("resnet", resnet.Spec(ngf=64), None): (11_378_179, 56_831_770_624, 49_551_507_456),
    ("resnet", _mobile(32), None): (514_307, 4_955_045_888, 3_117_416_448),
    ("resnet", _mobile(48), None): (1_130_883, 10_603_462_656, 6_488_064_000),
    ("resnet", _mobile(64), None): (1_987_075, 18_365_808_640, 11_066_671_104),
    ("resnet", _mobile(96), None): (4_418_307, 40_232_288_256, 23_847_763_968),
} | {
    ("resnet", _mobile(64), arch): row
    for arch, row in {
        "16_16_32_16_32_32_16_16": (356_867, 2_546_204_672, 1_845_755_904),
        "16_16_24_16_32_64_16_24": (355_235, 2_640_576_512, 1_938_948_096),
        "24_24_24_32_32_32_20_16": (341_627, 2_670_067_712, 1_941_307_392),
        "32_32_48_32_48_48_16_16": (822_051, 4_993_843_200, 4_055_629_824),
        "24_24_40_56_24_56_16_40": (702_835, 4_863_164_416, 3_699_376_128),
        "32_32_40_48_48_48_16_32": (763_427, 5_069_078_528, 4_017_487_872),
        "32_32_48_32_32_48_24_24": (780_819, 5_591_531_520, 4_031_250_432),
        "48_32_40_40_40_40_24_32": (707_347, 5_664_538_624, 4_104_388_608),
        "32_32_48_32_48_32_16_16": (746_211, 4_683_202_560, 3_746_562_048),
        "32_32_48_32_64_40_16_32": (866_947, 5_606_342_656, 4_439_801_856),
        "32_32_48_40_32_32_16_16": (708_291, 4_527_882_240, 3_592_028_160),
        "32_32_48_40_48_32_16_16": (784_131, 4_838_522_880, 3_901_095_936),
    }.items()
}
COSTS |= {
    ("resnet", resnet.Spec(4, 3, False), None): (18_019, 182_124_544, 152_567_808),
    ("resnet", resnet.Spec(4, 3, True), None): (6_691, 135_725_056, 105_775_104),
    ("resnet", resnet.Spec(4, 6, False), None): (31_939, 239_140_864, 209_190_912),
    ("resnet", resnet.Spec(4, 6, True), None): (9_283, 146_341_888, 115_605_504),
    ("resnet", resnet.Spec(4, 9, False), None): (45_859, 296_157_184, 265_814_016),
    ("resnet", resnet.Spec(4, 9, True), None): (11_875, 156_958_720, 125_435_904),
}
