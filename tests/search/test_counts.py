import numpy as np
import pytest

from ganc.metrics import cost
from ganc.models import resnet, spade
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
