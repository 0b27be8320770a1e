"""SRGAN's generator, by hand from figure 4 of Ledig et al. 2017 (arXiv 1609.04802).

With n channels and P pixels that come in, a sixteenth of those that go out: 81 x 3n at P, 9nn at P
in 2 x 16 + 1 convolutions, 9n x 4n at P and at 4P, 81n x 3 at 16P. Every convolution has a bias,
33 of them a norm, 19 a slope.
"""

from cases import Case, Cost

from ganc.models.srgan import Spec

CASES = [Case(Spec(4, 3))]

COSTS = [
    Cost(
        Spec(),
        1_549_462,
        {"published": 20_442_710_016, "true": 20_442_710_016},
        size=(384, 384),
        model="SRGAN",
    ),
    Cost(Spec(4, 3), 4_233, {"published": 326_592, "true": 326_592}, size=(16, 16)),
]
