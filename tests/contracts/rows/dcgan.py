"""DCGAN's generator, by hand from the layers of PyTorch's own example.

Kernels of 4x4: 100 x 512, 512 x 256, 256 x 128, 128 x 64 and 64 x 3, and two numbers for every
channel of a norm. A transposed one computes at its input, 1, 4, 8, 16 and 32 px a side; the
published convention counts it at its output, four times that, and the first, which makes 4x4 px of
one, sixteen times.
"""

from cases import Case, Cost

from ganc.models.dcgan import Spec

CASES = [Case(Spec(4, 8, 16), size=(16, 16))]

COSTS = [
    Cost(
        Spec(),
        3_576_704,
        {"published": 428_343_296, "true": 104_628_224},
        size=(64, 64),
        model="PyTorch's example",
    ),
    Cost(Spec(4, 8, 16), 1_752, {"published": 98_304, "true": 21_504}, size=(16, 16)),
]
