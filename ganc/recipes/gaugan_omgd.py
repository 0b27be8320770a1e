"""Compresses a GauGAN generator, from label maps to pictures, by online distillation.

    python -m experiments.gaugan_omgd

With no flag: label maps of the Earth into satellite pictures at 64 px; a wider teacher and the
student train at once. `--teacher` and `--space` are those of `pix2pix_omgd`; what label maps hold,
and the weights of the teacher's losses, are said by `--maps.classes` and the flags beside it.
`--family`, `--blocks`, `--downs`, `--shared` and `--reconstruction` mean nothing here.
`experiments/README.md` holds the measured rows.

Reference: Ren et al. 2021 (arXiv 2108.06908) for the method, which they show on pictures; Park et
al. 2019 (arXiv 1903.07291) for the teacher, which is the dense network of theirs.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from ganc.compression import omgd_settings
from ganc.compression.omgd import WIDER, distil
from ganc.compression.omgd_settings import OnlineTraining
from ganc.models import spade
from ganc.ranges import whole
from ganc.recipes import gaugan_teacher, pix2pix_omgd
from ganc.scores.row import Row
from ganc.types import Generator


@dataclass(frozen=True)
class Online(omgd_settings.Online):
    """How to compress a GauGAN."""

    data: str = "folder:cityscapes"
    """earth:labels-satellite or folder:DIR"""
    aspect: Annotated[int, whole(1, 16)] = 2
    """width of the pictures over their height"""
    deeper: Annotated[int, whole(0, 0)] = 0
    """there is none: nobody has published a deeper GauGAN, and its discriminator has no branches"""
    ndf: Annotated[int, whole(1, 1024)] = 64
    """base width of the discriminator"""
    maps: gaugan_teacher.Maps = field(default_factory=gaugan_teacher.Maps)
    """what label maps hold, and the weights of the teacher's losses"""


EARTH64 = Online(
    data="earth:labels-satellite",
    size=64,
    aspect=1,
    ngf=6,
    wider=16,
    ndf=16,
    channels=50.0,
    imitation=pix2pix_omgd.LITE0,
    maps=gaugan_teacher.Maps(**gaugan_teacher.EARTH),
    training=OnlineTraining(
        constant_steps=750,
        decay_steps=750,
        learning_rate=4e-4,
        discriminator_learning_rate=8e-4,
        beta1=0.0,
        beta2=0.9,
        hold=1,
        average=0.999,
    ),
)

SMOKE = dataclasses.replace(
    EARTH64,
    **pix2pix_omgd.SMALL,
    maps=dataclasses.replace(EARTH64.maps, **gaugan_teacher.QUICK),
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
    task = gaugan_teacher.make_task(config.maps, config.ndf)
    wide = gaugan_teacher.spec(config.maps, config.wider, spectral=config.maps.spectral)
    small = gaugan_teacher.spec(config.maps, config.ngf, separable=True)
    teacher = teacher or spade.generator(wide)
    return distil(
        "gaugan_omgd",
        config,
        workdir,
        task=task,
        student=student or spade.generator(small),
        teachers={WIDER: teacher},
        games={WIDER: task.play(teacher)},
    )
