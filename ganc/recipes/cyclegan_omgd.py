"""Compresses a CycleGAN generator by OMGD: a student that learns from pictures, no discriminator.

    python -m experiments.cyclegan_omgd
    python -m experiments.cyclegan_omgd --preset online64

With no flag: from the frozen teacher of the package, which trained for longer than a default run
may take. `online64` is the released scheme: a CycleGAN trains for a while, then the student learns
from the best one so far, and so on; `--scheme stepwise` trains all in every step, as the
publication describes it for pairs; `--teacher DIR` distils from a frozen teacher of your own. The
direction is A to B; `--direction ba` turns it. `experiments/README.md` holds the measured rows.

Reference: Ren et al. 2021 (arXiv 2108.06908), whose released scripts are the presets `horse2zebra`
and `summer2winter` with S16, S12 and S8, base widths of the student. Published for
`horse2zebra-s16`: FID 51.92; users who ran the script report 66.5 and 70.8.
"""

import dataclasses
from pathlib import Path

from ganc.compression.omgd_settings import OnlineTraining, OnlineUnpaired
from ganc.compression.omgd_staged import distil_unpaired
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.recipes import pix2pix_omgd
from ganc.scores.row import Row
from ganc.tasks import cyclegan
from ganc.types import Generator

ONLINE64 = OnlineUnpaired(
    data="earth",
    size=64,
    ngf=8,
    wider=24,
    blocks=6,
    ndf=32,
    channels=100.0,
    imitation=pix2pix_omgd.LITE0,
    phase=500,
    lessons=2,
    pictures=96,
    training=OnlineTraining(constant_steps=750, decay_steps=750, learning_rate=5e-4, hold=1),
)

# The teacher of the package is a dense ResNet of base width 24. A third of these steps left the
# student's distance to the truth above its teacher's.
SHIPPED64 = dataclasses.replace(
    ONLINE64,
    teacher="shipped",
    training=OnlineTraining(
        constant_steps=2000, decay_steps=4000, learning_rate=1e-3, hold=1, average=0.999
    ),
)

SMOKE = dataclasses.replace(
    ONLINE64,
    **pix2pix_omgd.SMALL
    | {
        "phase": 2,
        "lessons": 1,
        "pictures": 8,
        "training": OnlineTraining(
            batch=2, constant_steps=2, decay_steps=1, hold=1, checkpoint_every=1
        ),
    },
)


def _script(data: str, ngf: int, channels: float, longer: int, epochs: int) -> OnlineUnpaired:
    """A released script: an epoch is the longer domain, a phase so many of them."""
    training = OnlineTraining(
        batch=1, constant_steps=100 * longer, decay_steps=100 * longer, hold=longer
    )
    return OnlineUnpaired(
        data=f"tfds:cycle_gan/{data}",
        ngf=ngf,
        wider=64 if ngf == 16 else 48,
        channels=channels,
        phase=epochs * longer,
        training=training,
    )


PRESETS = {
    "shipped64": SHIPPED64,
    "smoke": SMOKE,
    "online64": ONLINE64,
    "horse2zebra-s16": _script("horse2zebra", 16, 500.0, 1334, 10),
    "horse2zebra-s12": _script("horse2zebra", 12, 500.0, 1334, 12),
    "horse2zebra-s8": _script("horse2zebra", 8, 500.0, 1334, 8),
    "summer2winter-s16": _script("summer2winter_yosemite", 16, 100.0, 1231, 6),
    "summer2winter-s12": _script("summer2winter_yosemite", 12, 100.0, 1231, 6),
    "summer2winter-s8": _script("summer2winter_yosemite", 8, 100.0, 1231, 6),
}


def run(
    config: OnlineUnpaired,
    workdir: Path,
    *,
    student: Generator | None = None,
    teacher: Generator | None = None,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    `student` and `teacher` take the place of the networks that `config` describes.
    """
    task = cyclegan.task(patch(PatchSpec(config.ndf)), cycle=config.reconstruction)
    small, wide = (
        resnet.Spec(ngf, config.blocks, separable=True) for ngf in (config.ngf, config.wider)
    )
    return distil_unpaired(
        "cyclegan_omgd",
        config,
        workdir,
        task=task,
        student=student or resnet.generator(small),
        teacher=teacher or resnet.generator(wide),
    )
