"""OMGD's deeper mobile ResNet.

Published models: Ren et al. 2021 (arXiv 2108.06908), whose counts follow torchprofile 0.0.3;
measured with their released code. Cases of ngf 4: computed by hand from the layers.
"""

from cases import Case, Cost

from ganc.models.deep_resnet import Spec

CASES = [Case(Spec(ngf=4, blocks=3, norm="batch"), grouped=True)]


def row(model: str, spec: Spec, params: int, published: int, true: int) -> Cost:
    return Cost(spec, params, {"torchprofile-0.0.3": published, "true": true}, model=model)


COSTS = [
    row("OMGD, deeper 12", Spec(12), 1_436_583, 10_323_820_800, 10_069_016_832),
    row("OMGD, deeper 16", Spec(16), 2_547_123, 18_236_542_976, 17_783_558_144),
    row("OMGD, deeper 24", Spec(24), 5_715_723, 40_769_160_192, 39_749_944_320),
    row("", Spec(4, 3, "batch"), 158_787, 1_195_031_872, 1_157_576_960),
]
