import numpy as np
import pytest

from ganc.metrics import cost
from ganc.models import resnet
from ganc.search.space import CHOICES, Space

GENERATOR = resnet.generator(resnet.Spec(ngf=64, separable=True))
MACS = cost.macs(GENERATOR, 256, 256)


@pytest.mark.parametrize(
    ("name", "least", "most", "within"),
    [
        (
            "channels-48",
            3_289_382_912,
            10_603_462_656,
            {4.6e9: 577, 4.9e9: 963, 5.68e9: 2_184, 5.7e9: 2_214},
        ),
        ("channels-32", 1_420_558_336, 4_955_045_888, {2.7e9: 2_615, 3e9: 3_715}),
        (
            "channels-64-cycleGAN",
            1_420_558_336,
            18_365_808_640,
            {2.7e9: 10_511, 3e9: 19_640},
        ),
    ],
)
def test_architectures_within_budget(name, least, most, within):
    """Against an enumeration with gan-compression's own profiler (commit 111093f)."""
    space = Space(GENERATOR.slots, CHOICES[name])
    columns = [grid.ravel() for grid in np.meshgrid(*space.choices, indexing="ij")]
    macs = MACS(space.widths(tuple(columns)))
    assert (len(macs), macs.min(), macs.max()) == (space.size, least, most)
    assert macs[0] == MACS(space.widths(space.largest))
    assert {budget: int((macs <= budget).sum()) for budget in within} == within
