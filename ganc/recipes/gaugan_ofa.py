"""Compresses a GauGAN generator, from label maps to pictures, by once-for-all distillation.

    python -m experiments.gaugan_ofa

With no flag: label maps of the Earth into satellite pictures at 64 px; a teacher is trained first.
What label maps hold, and the weights of the losses, are said once, by `--train-teacher.classes` and
the flags beside it. `--reconstruction`, `--blocks` and `--upsampling` mean nothing here.
`experiments/README.md` holds the measured rows.

Reference: Li et al. 2020 (arXiv 2003.08936), both pipelines. `cityscapes` and `coco` are published
settings of the fast one, `cityscapes-original` of the other.

Differs from the reference: the search minimises KID to held-out pictures, not mIoU; pictures
of Cityscapes are cropped too.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from ganc.compression import settings
from ganc.compression.once_for_all import compress
from ganc.compression.settings import Distillation
from ganc.losses.distillation import Distil
from ganc.models import spade
from ganc.nn.initial import XAVIER
from ganc.ranges import whole
from ganc.recipes import cyclegan_ofa, gaugan_teacher
from ganc.scores.row import Row
from ganc.search.evolution import Evolution
from ganc.search.search import Search
from ganc.types import Generator

RATES = Distillation(
    batch=16, learning_rate=1e-4, discriminator_learning_rate=4e-4, beta1=0.0, beta2=0.9
)


def rates(**changes) -> Distillation:
    """The published optimisers, with what is changed."""
    return dataclasses.replace(RATES, **changes)


@dataclass(frozen=True)
class Compression(settings.Compression):
    """How to compress; the defaults are the published Cityscapes settings (Fast pipeline)."""

    data: str = "folder:cityscapes"
    """earth:labels-satellite or folder:DIR"""
    aspect: Annotated[int, whole(1, 16)] = 2
    """width of the pictures over their height"""
    train_teacher: gaugan_teacher.Teaching = field(default_factory=gaugan_teacher.Teaching)
    """what label maps hold, the weights of the losses, and how to train with --teacher train"""
    space: str = "spade-channels-64"
    """a published search space, or widths such as 32/24/16 for every slot"""
    distillation: float = 10.0
    """weight of the distance to the teacher's features"""
    pre_distillation: Distillation = field(
        default_factory=lambda: rates(constant_steps=17_400, decay_steps=17_400)
    )
    """training of the whole student before it becomes the supernet, in the original pipeline"""
    # Epochs of 2,775 pictures: 200 and 200, then 100 and 100.
    supernet: Distillation = field(
        default_factory=lambda: rates(constant_steps=34_800, decay_steps=34_800)
    )
    """once-for-all training"""
    search: Search = field(
        default_factory=lambda: Search(
            budget=32e9,
            pictures=200,
            evolution=Evolution(mutation=0.2, favour=3.0, geometric=True),
        )
    )
    """the search for the student"""
    fine_tune: Distillation = field(
        default_factory=lambda: rates(constant_steps=17_400, decay_steps=17_400)
    )
    """training of the chosen student alone"""


CITYSCAPES = Compression()  # the published settings are the defaults

CITYSCAPES_ORIGINAL = dataclasses.replace(
    CITYSCAPES,
    pipeline="original",
    ngf=48,
    space="spade-channels-48",
    supernet=rates(constant_steps=17_400, decay_steps=17_400),
    search=Search(strategy="exhaustive", budget=35e9, pictures=200),
)

COCO = dataclasses.replace(
    CITYSCAPES,
    data="folder:coco",
    aspect=1,
    train_teacher=gaugan_teacher.COCO,
    supernet=rates(batch=32, constant_steps=368_100, decay_steps=0),
    search=Search(budget=36e9, pictures=500, evolution=Evolution(mutation=0.2)),
    fine_tune=rates(batch=32, constant_steps=368_100, decay_steps=0),
)

QUICK = rates(batch=4, learning_rate=4e-4, discriminator_learning_rate=8e-4)
EARTH64 = dataclasses.replace(
    CITYSCAPES,
    data="earth:labels-satellite",
    size=64,
    aspect=1,
    train_teacher=gaugan_teacher.EARTH64,
    ngf=12,
    ndf=16,
    space="12/10/8/6",
    pre_distillation=dataclasses.replace(QUICK, constant_steps=200, decay_steps=200),
    supernet=dataclasses.replace(QUICK, constant_steps=500, decay_steps=500, average=0.995),
    search=Search(
        budget=7e7,
        pictures=48,
        feature_size=96,
        batch=16,
        evolution=Evolution(population=16, generations=4, mutation=0.4),
    ),
    # Without the average, and with half of these steps, its distance was 0.204 instead of 0.181.
    fine_tune=dataclasses.replace(QUICK, constant_steps=400, decay_steps=600, average=0.997),
)

TINY = rates(batch=2, constant_steps=2, decay_steps=2, checkpoint_every=2)
SMOKE = dataclasses.replace(
    EARTH64,
    size=32,
    train_teacher=gaugan_teacher.SMOKE,
    ngf=4,
    ndf=4,
    space="4/3",
    pre_distillation=TINY,
    supernet=TINY,
    search=dataclasses.replace(cyclegan_ofa.SMOKE.search, budget=5e6),
    fine_tune=rates(constant_steps=0, decay_steps=0),
    feature_size=32,
    front=0,
)

PRESETS = {
    "earth64": EARTH64,
    "smoke": SMOKE,
    "cityscapes": CITYSCAPES,
    "cityscapes-original": CITYSCAPES_ORIGINAL,
    "coco": COCO,
}


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
    small = gaugan_teacher.spec(teaching, config.ngf, separable=True)
    big = gaugan_teacher.spec(
        teaching, teaching.ngf, separable=teaching.separable, spectral=teaching.spectral
    )
    return compress(
        "gaugan_ofa",
        config,
        workdir,
        task=gaugan_teacher.make_task(teaching, config.ndf),
        student=student or spade.generator(small),
        teacher=teacher or spade.generator(big),
        distil=Distil(initial=XAVIER.kernel),
    )
