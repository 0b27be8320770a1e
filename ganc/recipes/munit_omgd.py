"""Compresses a MUNIT generator, of many styles, by distillation from a wider one that still learns.

    python -m experiments.munit_omgd

With no flag: satellite pictures of the Earth from one month into another at 64 px; student and
teacher learn in every step. `--scheme staged`, `--teacher` and `--space` are those of
`cyclegan_omgd`. Student and teacher draw the same pictures in the same styles: those that are drawn
at random and, in every other step, those of real pictures, each by its own encoder. Pictures are
scored in random styles, always the same. `--family`, `--blocks`, `--downs`, `--shared` and
`--reconstruction` mean nothing here. `experiments/README.md` holds the measured rows.

Reference: Ren et al. 2021 (arXiv 2108.06908) for the method, which they show without styles; Huang
et al. 2018 (arXiv 1804.04732) for the teacher, which is the dense network of theirs. As of unpaired
pictures elsewhere, there is no deeper teacher.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ganc.compression import omgd_settings
from ganc.compression.omgd_settings import OnlineTraining
from ganc.compression.omgd_staged import distil_unpaired
from ganc.models import munit as networks
from ganc.recipes import munit_teacher, pix2pix_omgd
from ganc.scores.row import Row
from ganc.types import Generator


@dataclass(frozen=True)
class Online(omgd_settings.OnlineUnpaired):
    """How to compress a MUNIT."""

    data: str = "folder:edges2shoes-r-unaligned"
    """earth:season, folder:DIR or tfds:NAME"""
    scheme: Literal["staged", "stepwise"] = "stepwise"
    """staged: teacher and student take turns; stepwise: all in every step"""
    channels: float = 100.0
    """weight of the distance to the channels of the teacher's contents, and to its styles; 0: they
    are not distilled"""
    styles: munit_teacher.Styles = field(default_factory=munit_teacher.Styles)
    """what styles are, and the weights of the teacher's losses"""


EARTH64 = Online(
    data="earth:season",
    size=64,
    ngf=8,
    wider=16,
    ndf=32,
    imitation=pix2pix_omgd.LITE0,
    styles=munit_teacher.SEASONS,
    phase=400,
    lessons=2,
    pictures=96,
    training=OnlineTraining(
        batch=2,
        constant_steps=600,
        decay_steps=600,
        learning_rate=5e-4,
        weight_decay=1e-4,
        hold=1,
        average=0.995,
    ),
)

SMOKE = dataclasses.replace(
    EARTH64,
    **pix2pix_omgd.SMALL
    | {
        "styles": dataclasses.replace(munit_teacher.SEASONS, blocks=2, scales=1, mlp_dim=8),
    },
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE}


def run(
    config: Online,
    workdir: Path,
    *,
    student: Generator | None = None,
    teacher: Generator | None = None,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    `student` and `teacher` take the place of the networks that `config` describes.
    """
    small = munit_teacher.spec(config.styles, config.ngf, separable=True)
    wide = munit_teacher.spec(config.styles, config.wider)
    return distil_unpaired(
        "munit_omgd",
        config,
        workdir,
        task=munit_teacher.make_task(config.styles, config.ndf),
        student=student or networks.generator(small),
        teacher=teacher or networks.generator(wide),
        plain=("style",),
    )
