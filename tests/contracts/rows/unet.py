"""The U-Net family.

Published models: Ren et al. 2021 (arXiv 2108.06908), whose counts follow torchprofile 0.0.3;
measured with their released code. Cases of ngf 4: computed by hand from the layers.
"""

from cases import Case, Cost

from ganc.models.unet import Spec

CASES = [
    Case(Spec(ngf=4, downs=5), size=(32, 32)),
    Case(Spec(ngf=4, downs=5, norm="instance"), size=(64, 64)),
    Case(Spec(ngf=4, downs=5, deeper=True), size=(32, 32)),
]


def row(model: str, spec: Spec, params: int, published: int, true: int | None = None) -> Cost:
    macs = {"torchprofile-0.0.3": published}
    return Cost(spec, params, macs if true is None else macs | {"true": true}, model=model)


COSTS = [
    row("OMGD, 8 wide", Spec(8), 852_307, 333_359_616, 111_017_984),
    row("OMGD, 12 wide", Spec(12), 1_915_899, 707_313_408, 235_634_688),
    row("OMGD, 16 wide", Spec(16), 3_404_451, 1_219_449_856, 406_323_200),
    row("OMGD, 48 wide", Spec(48), 30_611_427, 10_291_117_056, 3_430_416_384),
    row("OMGD, original", Spec(64), 54_413_955, 18_143_334_400, 6_048_186_368),
    row("OMGD, 16 wide", Spec(16, norm="instance"), 3_403_363, 1_218_707_456),
    row("OMGD, original", Spec(64, norm="instance"), 54_409_603, 18_140_364_800),
    row("OMGD, deeper 12", Spec(12, deeper=True), 24_856_251, 10_363_833_600, 9_868_631_040),
    row("OMGD, deeper 16", Spec(16, deeper=True), 44_171_939, 18_376_141_824, 17_531_650_048),
    row("", Spec(4, 5), 65_835, 90_357_760, 30_408_704),
    row("", Spec(4, 5, norm="instance"), 65_755, 90_177_536, 30_408_704),
    row("", Spec(4, 5, deeper=True), 636_395, 1_028_155_392, 960_683_008),
]
