"""Trains a CycleGAN, both directions, to be a teacher.

    python -m experiments.cyclegan_teacher --preset earth64

The objective and the schedule are those of Zhu et al. 2017 (arXiv 1703.10593): least squares, cycle
weight 10, identity 0.5, a pool of 50 fakes, Adam (0.5, 0.999) at 2e-4, constant then falling
linearly. `experiments/README.md` holds the measured rows.
"""

import dataclasses
from pathlib import Path

from ganc.compression.settings import Teaching
from ganc.compression.teach import teach
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.nn.norm import Norm
from ganc.scores.row import Row
from ganc.tasks import cyclegan
from ganc.types import Generator

HORSE2ZEBRA = Teaching()  # the published settings are the defaults

EARTH64 = Teaching(
    data="earth",
    size=64,
    ngf=24,
    blocks=6,
    ndf=32,
    constant_steps=7000,
    decay_steps=7000,
    average=0.999,
)

EARTH128 = dataclasses.replace(EARTH64, size=128, ngf=64, blocks=9, ndf=64, batch=4)

SMOKE = dataclasses.replace(
    EARTH64,
    size=32,
    ngf=4,
    blocks=3,
    ndf=4,
    constant_steps=4,
    decay_steps=4,
    checkpoint_every=4,
    feature_size=32,
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "earth128": EARTH128, "horse2zebra": HORSE2ZEBRA}


def generator(config: Teaching, norm: Norm = "instance") -> Generator:
    """The ResNet of the publication, or the mobile one; `norm` is what follows its layers."""
    spec = resnet.Spec(
        config.ngf,
        config.blocks,
        separable=config.separable,
        norm=norm,
        upsampling=config.upsampling,
    )
    return resnet.generator(spec)


def run(config: Teaching, workdir: Path) -> list[Row]:
    """Trains, scores on the report split, and writes results, samples, report and models."""
    task = cyclegan.task(patch(PatchSpec(config.ndf)))
    return teach("cyclegan_teacher", config, workdir, task=task, generator=generator(config))
