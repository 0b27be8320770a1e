import numpy as np
import pytest

from ganc.metrics import cost
from ganc.models import munit, resnet
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


def test_munit_architectures_within_budget():
    """As gan-compression's search counts (commit 111093f): the MLP is priced at full width."""
    generator = munit.generator(munit.Spec(separable=True))
    space = Space(generator.slots, CHOICES["munit-channels-64"])
    exported = cost.macs(generator, 256, 256)
    (adaptive,) = generator.axes["mlp"]["linear2"]["bias"]
    mlp_dim = generator.spec.mlp_dim

    def search(arch):
        widths = space.widths(arch)
        missing = sum(generator.widths[group] - widths[group] for group in adaptive)
        return exported(widths) + mlp_dim * missing

    fast = space.decode("16_16_16_24_56_16_40_40_32_24")
    assert (exported(space.widths(fast)), search(fast)) == (2_625_309_248, 2_625_833_536)
    assert (search(space.smallest), search(space.largest)) == (1_549_077_056, 17_668_575_488)

    # 282 million: but given the trunk, the cost is one of four entries plus one of the other five.
    def grid(count):
        lists = np.meshgrid(*(space.choices[0],) * count, indexing="ij")
        return tuple(axis.ravel() for axis in lists)

    def join(before, trunk, after):
        return (*before[:3], trunk, before[3], *after)

    rng, within = np.random.default_rng(0), 0
    for trunk in space.choices[3]:
        before = search(join(grid(4), trunk, (16,) * 5))
        after = search(join((16,) * 4, trunk, grid(5))) - before[-1]
        within += np.searchsorted(np.sort(before), 2.7e9 - after, side="right").sum()
        i, k = rng.integers(len(before), size=100), rng.integers(len(after), size=100)
        some = join([e[i] for e in grid(4)], trunk, [e[k] for e in grid(5)])
        np.testing.assert_array_equal(search(some), before[i] + after[k])
    assert within == 639_697
