"""Compresses CartoonGAN's generator by GAN Slimming.

    python -m experiments.cartoongan_slimming

Photographs and cartoons are not shipped, so with no flag the Earth pack at 64 px stands in: the
network is CartoonGAN's, drawn at random, what it learns is the shipped teacher's translation of
satellite pictures. That shows that the method works on this network, and nothing of cartoons.

With `--preset cartoon-47x --data folder:DIR --teacher FILE`, where FILE holds the released weights
of CartoonGAN, the published compression is asked for: 47 times fewer bytes, with eight bits. Its
code was never published, so all else here is that of horse2zebra. The trunk is slimmed there too,
since without it the sites reach no more than 46.4 times.

Reference: Wang et al. 2020 (arXiv 2008.11062); Chen, Lai and Liu 2018 (CVPR) for CartoonGAN.
"""

import dataclasses
from pathlib import Path

from ganc.compression.slimming import slim
from ganc.compression.slimming_settings import Slim, Slimmed
from ganc.losses.content_style import ContentStyle
from ganc.models import cartoon
from ganc.models.discriminators import PatchSpec, patch
from ganc.recipes import cyclegan_slimming
from ganc.scores.row import Row
from ganc.tasks import cyclegan
from ganc.types import Generator

WEIGHTS = 11_114_880
"""Of CartoonGAN's kernels, the size of which is what is divided: four bytes each."""

EARTH64 = dataclasses.replace(
    cyclegan_slimming.EARTH64,
    student="random",
    ngf=16,
    # It begins with nothing, so it is longer than that of a student that begins as its teacher.
    slim=Slimmed(batch=4, decay_steps=2000, learning_rate=5e-4, weight_decay=0.0, hold=1),
)

SMOKE = dataclasses.replace(
    cyclegan_slimming.SMOKE,
    student="random",
    ngf=4,
    quantise="after",
    budget=0.0,
    trunk=False,
    shrinkage=1.05,
    distance=ContentStyle("mse"),
    fine_tune=dataclasses.replace(cyclegan_slimming.TINY, decay_steps=0),
)

CARTOON = Slim(
    data="folder:photos2cartoons",
    trunk=True,
    budget=4 * WEIGHTS // 47,
    counted="bytes",
    quantise="paper",
    features=cyclegan_slimming.VGG,
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "cartoon-47x": CARTOON}


def run(
    config: Slim,
    workdir: Path,
    *,
    student: Generator | None = None,
    teacher: Generator | None = None,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    `student` and `teacher` take the place of the networks that `config` describes.
    """
    judge = patch(PatchSpec(config.ndf, norm="affine", pooled=True))
    return slim(
        "cartoongan_slimming",
        config,
        workdir,
        task=cyclegan.task(judge, reconstruction=0.0),
        teacher=teacher or cartoon.generator(cartoon.Spec(config.train_teacher.ngf)),
        student=student or cartoon.generator(cartoon.Spec(config.ngf)),
    )
