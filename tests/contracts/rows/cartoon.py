"""CartoonGAN: the published network in the convention of Wang et al. 2020 (arXiv 2008.11062); the
small one by hand from the layers."""

from cases import Case, Cost

from ganc.models.cartoon import Spec

CASES = [Case(Spec(ngf=4, blocks=3))]

COSTS = [
    Cost(Spec(), 11_129_667, {"convolutions": 61_631_102_976}, model="CartoonGAN"),
    Cost(
        Spec(ngf=4, blocks=3),
        21_927,
        {"published": 219_873_280, "convolutions": 218_628_096, "true": 190_316_544},
    ),
]
