"""Compresses a MUNIT generator, of many styles, by once-for-all distillation.

    python -m experiments.munit_ofa

With no flag: satellite pictures of the Earth from one month into another at 64 px, from the teacher
that ships with the package. Pictures are scored in random styles, always the same; the truth is in
the style of its own place and month, so a distance to it says how far styles lie apart and little
else. The student has the `--train-teacher.blocks` and `--train-teacher.downs` of its teacher;
`--blocks` and `--upsampling` mean nothing here. `experiments/README.md` holds the measured rows.

Reference: Li et al. 2020 (arXiv 2003.08936), the "Fast GAN Compression" pipeline. `edges2shoes` are
published settings.

Differs from the reference: the search minimises KID, not FID.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganc.compression import settings
from ganc.compression.once_for_all import compress
from ganc.compression.settings import Distillation
from ganc.losses.distillation import Distil
from ganc.losses.reconstruction import l1_loss
from ganc.models import munit as networks
from ganc.recipes import cyclegan_ofa, munit_teacher
from ganc.scores.row import Row
from ganc.search.evolution import Evolution
from ganc.search.search import Search
from ganc.types import Generator

# 42 epochs of 45,929 pictures.
SUPERNET = Distillation(
    constant_steps=1_929_018,
    decay_steps=0,
    learning_rate=1e-4,
    weight_decay=1e-4,
    halve_every=200_000,
)
NONE = dataclasses.replace(SUPERNET, constant_steps=0)


@dataclass(frozen=True)
class Compression(settings.Compression):
    """How to compress; the defaults are the published settings of edges to shoes."""

    data: str = "folder:edges2shoes-r-unaligned"
    """earth:season, folder:DIR or tfds:NAME"""
    train_teacher: munit_teacher.Teaching = field(default_factory=munit_teacher.Teaching)
    """what styles are, and how to train with --teacher train"""
    space: str = "munit-channels-64"
    """a published search space, or widths such as 32/24/16 for every slot"""
    distillation: float = 1.0
    """weight of the mean distance to the teacher's contents, and to its styles"""
    pre_distillation: Distillation = NONE
    """training of the whole student before it becomes the supernet, in the original pipeline, of
    which nothing is published here"""
    supernet: Distillation = SUPERNET
    """once-for-all training"""
    search: Search = field(
        default_factory=lambda: Search(
            budget=2.7e9,
            pictures=2048,
            evolution=Evolution(mutation=0.2, favour=2.0, geometric=True),
        )
    )
    """the search for the student"""
    fine_tune: Distillation = NONE
    """training of the chosen student alone; none, as published"""


EDGES2SHOES = Compression()  # the published settings are the defaults

QUICK = dataclasses.replace(SUPERNET, batch=2, learning_rate=1e-3, halve_every=0, average=0.995)
EARTH64 = dataclasses.replace(
    EDGES2SHOES,
    data="earth:season",
    size=64,
    teacher="shipped",
    train_teacher=munit_teacher.EARTH64,
    ngf=12,
    ndf=32,
    space="12/10/8/6/4",
    inherit=True,
    pre_distillation=dataclasses.replace(QUICK, constant_steps=200, decay_steps=200),
    supernet=dataclasses.replace(QUICK, constant_steps=400, decay_steps=400),
    search=Search(
        budget=30_711_043,  # a fifth of the teacher's
        pictures=96,
        feature_size=96,
        batch=16,
        evolution=Evolution(population=24, generations=4, mutation=0.4, favour=2.0),
    ),
    fine_tune=dataclasses.replace(QUICK, constant_steps=800, decay_steps=1200),
)

TINY = dataclasses.replace(QUICK, constant_steps=2, decay_steps=2, checkpoint_every=2)
SMOKE = dataclasses.replace(
    EARTH64,
    size=32,
    teacher="train",
    train_teacher=munit_teacher.SMOKE,
    ngf=4,
    ndf=4,
    space="4/3",
    pre_distillation=TINY,
    supernet=TINY,
    search=dataclasses.replace(cyclegan_ofa.SMOKE.search, budget=3e6),
    fine_tune=NONE,
    feature_size=32,
    front=0,
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "edges2shoes": EDGES2SHOES}


def run(
    config: Compression,
    workdir: Path,
    *,
    student: Generator | None = None,
    teacher: Generator | None = None,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    `student` and `teacher` take the place of the networks that `config` describes.
    """
    teaching: Any = config.teaching
    small = munit_teacher.spec(teaching, config.ngf, separable=True)
    big = munit_teacher.spec(teaching, teaching.ngf, separable=teaching.separable)
    return compress(
        "munit_ofa",
        config,
        workdir,
        task=munit_teacher.make_task(teaching, config.ndf, config.reconstruction),
        student=student or networks.generator(small),
        teacher=teacher or networks.generator(big),
        distil=Distil(distance=l1_loss, plain=("style",)),
    )
