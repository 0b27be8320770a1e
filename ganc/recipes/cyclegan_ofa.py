"""Compresses a CycleGAN generator by once-for-all distillation and evolutionary search.

    python -m experiments.cyclegan_ofa

With no flag: the teacher that ships with the package, on the Earth pack at 64 px, in a few minutes
on two cores. Give the same command again to resume a run that was interrupted.
`--pipeline original` starts a narrower student from a mobile teacher and has it learn alone before
it becomes the supernet; `horse2zebra-original` has the published settings of that.
`experiments/README.md` holds the measured rows.

Reference: Li et al. 2020 (arXiv 2003.08936), both pipelines, the "Fast GAN Compression" one by
default.

Differs from the reference: the original pipeline's search has a budget, and takes the best within
it; there the student is chosen by hand among all. The search minimises KID on Lite0 features to
held-out pictures, not FID to all of them, and teachers do not see those pictures either. Learning
rates fall in every step, not once in an epoch. Fine-tuning goes on with the adaptors of the
supernet. The Earth presets' weights, 100 and 1, are those published for edges2shoes; horse2zebra's
are 10 and 0.01.
"""

import dataclasses
from pathlib import Path

from ganc.compression.accelerators import GPU, TPU_V5E_8, filled
from ganc.compression.once_for_all import compress
from ganc.compression.settings import Compression, Distillation
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.recipes import cyclegan_teacher
from ganc.scores.row import Row
from ganc.search.evolution import Evolution
from ganc.search.search import Search
from ganc.tasks import cyclegan
from ganc.types import Generator

HORSE2ZEBRA = Compression()  # the published settings are the defaults

HORSE2ZEBRA_ORIGINAL = dataclasses.replace(
    HORSE2ZEBRA,
    pipeline="original",
    ngf=32,
    space="channels-32",
    search=Search(strategy="exhaustive"),
)

EARTH64 = Compression(
    data="earth",
    size=64,
    teacher="shipped",
    train_teacher=cyclegan_teacher.EARTH64,
    ngf=24,
    blocks=6,
    ndf=32,
    space="24/20/16/12/8",
    # Minutes, not days: a large step, and larger weights than those of horse2zebra.
    reconstruction=100.0,
    distillation=1.0,
    # Where the time buys most: started from its teacher, a supernet needs fewer steps; the student
    # alone needs more, and its running average draws finer detail than its last weights.
    inherit=True,
    pre_distillation=Distillation(
        batch=4, constant_steps=200, decay_steps=200, learning_rate=1e-3, average=0.995
    ),
    supernet=Distillation(
        batch=4, constant_steps=300, decay_steps=300, learning_rate=1e-3, average=0.995
    ),
    search=Search(
        budget=45e6,
        pictures=96,
        feature_size=96,
        batch=16,
        evolution=Evolution(population=24, generations=4, mutation=0.4, favour=2.0),
    ),
    fine_tune=Distillation(
        batch=4, constant_steps=400, decay_steps=700, learning_rate=1e-3, average=0.997
    ),
)

EARTH128 = dataclasses.replace(
    EARTH64,
    size=128,
    teacher="train",
    train_teacher=cyclegan_teacher.EARTH128,
    ngf=64,
    blocks=9,
    ndf=64,
    reconstruction=10.0,
    space="channels-64-cycleGAN",
    inherit=False,
    pre_distillation=Distillation(batch=16, constant_steps=10_000, decay_steps=10_000),
    supernet=Distillation(batch=16, constant_steps=20_000, decay_steps=20_000),
    # A quarter of the published 3e9 at 256 px: the same networks at 128 px.
    search=Search(budget=7.5e8),
    fine_tune=Distillation(batch=16, constant_steps=0, decay_steps=0),
)

TINY = Distillation(batch=2, constant_steps=2, decay_steps=2, checkpoint_every=2)
SMOKE = dataclasses.replace(
    EARTH64,
    ngf=8,
    blocks=3,
    ndf=4,
    space="8/6",
    pre_distillation=TINY,
    supernet=TINY,
    search=Search(
        budget=2e7,
        pictures=4,
        feature_size=32,
        batch=8,
        evolution=Evolution(population=4, generations=1),
    ),
    fine_tune=TINY,
    feature_size=32,
    front=1,
)

PRESETS = {
    "earth64": EARTH64,
    "smoke": SMOKE,
    "earth128": EARTH128,
    "horse2zebra": HORSE2ZEBRA,
    "horse2zebra-original": HORSE2ZEBRA_ORIGINAL,
    "earth128-tpu": filled(EARTH128, TPU_V5E_8),
    "tpu-v5e-8": filled(HORSE2ZEBRA, TPU_V5E_8),
    "gpu": filled(HORSE2ZEBRA, GPU),
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
    return compress(
        "cyclegan_ofa",
        config,
        workdir,
        task=cyclegan.task(patch(PatchSpec(config.ndf)), reconstruction=config.reconstruction),
        student=student
        or resnet.generator(
            resnet.Spec(config.ngf, config.blocks, separable=True, upsampling=config.upsampling)
        ),
        teacher=teacher or cyclegan_teacher.generator(config.teaching),
    )
