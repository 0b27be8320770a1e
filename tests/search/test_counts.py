import numpy as np
import pytest

from ganc.metrics import cost
from ganc.models import munit, resnet, spade
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
        (
            "channels-64-pix2pix",
            1_420_558_336,
            18_365_808_640,
            {4.6e9: 753_295, 4.9e9: 954_933, 5.7e9: 1_566_657},
        ),
    ],
)
def test_architectures_within_budget(name, least, most, within):
    """Against an enumeration with gan-compression's own profiler (commit 111093f)."""
    check(Space(GENERATOR.slots, CHOICES[name]), MACS, least, most, within)


CITY = spade.generator(spade.Spec(separable=True))
COCO = spade.generator(spade.Spec(labels=184, separable=True, upsampling="normal"))


@pytest.mark.parametrize(
    ("generator", "size", "name", "least", "most", "within"),
    [
        (
            CITY,
            (256, 512),
            "spade-channels-48",
            26_110_263_296,
            71_216_824_320,
            {32e9: 372, 35e9: 1_093},
        ),
        (
            CITY,
            (256, 512),
            "spade-channels-64",
            26_110_263_296,
            118_817_161_216,
            {32e9: 686, 35e9: 2_154},
        ),
        (
            COCO,
            (256, 256),
            "spade-channels-64",
            31_140_118_528,
            108_905_431_040,
            {36e9: 885, 40e9: 4_275},
        ),
    ],
    ids=["48-city", "64-city", "64-coco"],
)
def test_architectures_of_gaugan_within_budget(generator, size, name, least, most, within):
    """Against an enumeration with gan-compression's own profiler (commit 111093f)."""
    space = Space(generator.slots, CHOICES[name])
    check(space, cost.macs(generator, *size), least, most, within)


def check(space, count, least, most, within):
    columns = [grid.ravel() for grid in np.meshgrid(*space.choices, indexing="ij")]
    macs = count(space.widths(tuple(columns)))
    assert (len(macs), macs.min(), macs.max()) == (space.size, least, most)
    assert macs[0] == count(space.widths(space.largest))
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
