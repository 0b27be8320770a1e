"""StarGAN's generator, by hand from the layers of its released code.

With n channels and 5 attributes at 128 px: a 7x7 kernel of 8n, 4x4 kernels of n x 2n and 2n x 4n,
twelve 3x3 of 4n x 4n, transposed 4x4 of 4n x 2n and 2n x n, a 7x7 of 3n; no biases, two numbers for
every channel of the seventeen norms. `convolutions` and the published convention count transposed
ones at their output, the latter the elements of norms too.
"""

from cases import Case, Cost

from ganc.models.stargan import Spec

CASES = [Case(Spec(4, 3, 2))]

COSTS = [
    Cost(
        Spec(),
        8_430_528,
        {
            "convolutions": 13_181_648_896,
            "published": 13_188_202_496,
            "true": 9_960_423_424,
        },
        size=(128, 128),
        model="StarGAN",
    ),
    Cost(Spec(4, 3, 2), 20_784, {"published": 955_136, "true": 753_664}, size=(16, 16)),
]
