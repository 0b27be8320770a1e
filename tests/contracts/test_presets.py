"""Presets that are named after papers' data sets hold the papers' numbers."""

import dataclasses

import pytest

from ganc.methods.inherit import check_inherits
from ganc.metrics import cost
from ganc.models import munit, resnet, spade
from ganc.recipes import (
    cyclegan_ofa,
    cyclegan_teacher,
    gaugan_ofa,
    gaugan_teacher,
    munit_ofa,
    munit_teacher,
    pix2pix_ofa,
)
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet

# Li et al. 2020: the teacher, the published student and its multiply-adds, the budget, the space,
# and the optimisers' steps of the supernet where the publication says how many.
PUBLISHED = {
    "cityscapes": (
        gaugan_ofa.CITYSCAPES,
        281_356_632_064,
        ("32_32_32_48_32_24_24_32", 31_251_300_352),
        32e9,
        128_000,
        69_600,
    ),
    "coco": (gaugan_ofa.COCO, 191_180_570_624, None, 36e9, 128_000, None),
    "edges2shoes": (
        munit_ofa.EDGES2SHOES,
        77_303_189_760,
        ("16_16_16_24_56_16_40_40_32_24", 2_625_309_248),
        2.7e9,
        282_475_249,
        1_929_018,
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_budgets_and_lengths(name):
    config, macs, student, budget, size, steps = PUBLISHED[name]
    teaching = config.train_teacher
    if isinstance(config, gaugan_ofa.Compression):
        family, spec = spade, gaugan_teacher.spec(teaching, teaching.ngf)
        spec = dataclasses.replace(spec, spectral=False)
    else:
        family, spec = munit, munit_teacher.spec(teaching, teaching.ngf)
    teacher = family.generator(spec)
    assert int(cost.macs(teacher, *config.sides)(teacher.widths)) == macs
    small = family.generator(dataclasses.replace(spec, ngf=config.ngf, separable=True))
    shape = (*config.sides, small.channels_in)
    supernet = Supernet(small, parse_space(config.space, small), shape)
    assert (supernet.space.size, config.search.budget) == (size, budget)
    if student is not None:
        arch, price = student
        assert supernet.macs(supernet.space.decode(arch)) == price <= budget
        assert next(iter(parse_space(arch, small))) in supernet.space  # --arch takes it
    if steps is not None:
        assert config.supernet.steps == steps


# The original pipeline: the mobile teacher, the whole student, the published student, the space.
ORIGINAL = {
    "horse2zebra": (
        cyclegan_ofa.HORSE2ZEBRA_ORIGINAL,
        (18_365_808_640, 4_955_045_888),
        ("16_16_32_16_32_32_16_16", 2_546_204_672),
        6_561,
        (242_800, 485_600, 0),
    ),
    "edges2shoes": (
        pix2pix_ofa.EDGES2SHOES_ORIGINAL,
        (18_365_808_640, 10_603_462_656),
        ("32_32_48_32_48_48_16_16", 4_993_843_200),
        5_184,
        (229_660, 459_320, 229_660),
    ),
    "maps": (
        pix2pix_ofa.MAPS_ORIGINAL,
        (40_232_288_256, 10_603_462_656),
        ("32_32_48_32_48_32_16_16", 4_683_202_560),
        5_184,
        (238_800, 477_600, 238_800),
    ),
    "cityscapes": (
        gaugan_ofa.CITYSCAPES_ORIGINAL,
        (118_817_161_216, 71_216_824_320),
        ("32_32_48_32_32_32_32_24", 31_701_762_048),
        15_552,
        (34_800, 34_800, 34_800),
    ),
}


@pytest.mark.parametrize("name", ORIGINAL)
def test_the_original_pipeline(name):
    config, macs, (arch, price), size, steps = ORIGINAL[name]
    if isinstance(config, gaugan_ofa.Compression):
        spec = gaugan_teacher.spec(config.teaching, config.teaching.ngf, separable=True)
        teacher = spade.generator(spec)
        student = spade.generator(dataclasses.replace(spec, ngf=config.ngf))
    else:
        teacher = cyclegan_teacher.generator(config.teaching)
        student = resnet.generator(dataclasses.replace(teacher.spec, ngf=config.ngf))
    check_inherits(student, teacher)
    shape = (*config.sides, student.channels_in)
    supernet = Supernet(student, parse_space(config.space, student), shape)
    assert int(cost.macs(teacher, *config.sides)(teacher.widths)) == macs[0]
    assert supernet.macs(supernet.space.largest) == macs[1]
    assert supernet.space.largest == (config.ngf,) * 8 and supernet.space.size == size
    assert supernet.macs(supernet.space.decode(arch)) == price <= config.search.budget
    stages = (config.pre_distillation, config.supernet, config.fine_tune)
    assert tuple(stage.steps for stage in stages) == steps
    assert (config.pipeline, config.search.strategy) == ("original", "exhaustive")


def test_optimisers():
    city, shoes = gaugan_ofa.CITYSCAPES, munit_ofa.EDGES2SHOES
    for stage in (city.supernet, city.fine_tune, city.teaching.training):
        rates = (stage.learning_rate, stage.discriminator_learning_rate)
        assert (*rates, stage.beta1, stage.beta2, stage.batch) == (1e-4, 4e-4, 0.0, 0.9, 16)
    for stage, every in ((shoes.supernet, 200_000), (shoes.teaching.training, 100_000)):
        assert (stage.learning_rate, stage.weight_decay, stage.batch) == (1e-4, 1e-4, 1)
        assert (stage.beta1, stage.beta2, stage.halve_every) == (0.5, 0.999, every)
    assert shoes.teaching.training.steps == 1_000_000 and shoes.fine_tune.steps == 0
    assert (city.distillation, shoes.distillation, shoes.reconstruction) == (10, 1, 10)
