"""Compresses a CycleGAN generator by GAN Slimming: distilled, pruned and quantised in one run.

    python -m experiments.cyclegan_slimming

With no flag: the teacher that ships with the package, on the Earth pack at 64 px, in minutes on two
cores, down to the multiply-adds of the student of `cyclegan_ofa`. `--quantise deployable` (the
preset `earth64-gs8`) ends in a file of int8 weights; `--budget 0 --shrinkage 13.4` takes the
published way, whose size is what comes out. `--student DIR` slims further what another run left,
such as `runs/cyclegan_ofa-earth64`. The direction is A to B; for the other one, swap the data
(`--data earth:relief-satellite`).

Reference: Wang et al. 2020 (arXiv 2008.11062), whose settings are the presets named after data
sets, GS-32 and GS-8. They need VGG-16's file, see `--features`. Figures of the publication, by its
own count of multiply-adds over 2^30: horse2zebra 52.90 to 11.34 (GS-32) and 10.99 (GS-8).

Differs from the reference: the student takes weights from the teacher, not from a dense network
that was quantised before, and the discriminator is new unless `--discriminator` names one.
"""

import dataclasses
from pathlib import Path

from ganc.compression.slimming import slim
from ganc.compression.slimming_settings import TUNED, Slim, Slimmed
from ganc.losses.content_style import ContentStyle
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.recipes import cyclegan_teacher
from ganc.scores.row import Row
from ganc.tasks import cyclegan
from ganc.types import Generator

# Of Lite0's features the published weight of the style would drown all else.
LITE0 = ContentStyle(style=1e3)

EARTH64 = Slim(
    data="earth",
    size=64,
    teacher="shipped",
    train_teacher=cyclegan_teacher.EARTH64,
    ngf=24,
    ndf=32,
    distance=LITE0,
    # Nine times fewer multiply-adds than the teacher's. A whole trunk of 96 channels would take
    # much of that: the layers before and after the blocks are as wide as it is.
    budget=45e6,
    trunk=True,
    # Minutes, not days: larger steps of the weights than those published, and no decay.
    slim=Slimmed(batch=4, decay_steps=750, learning_rate=2e-4, weight_decay=0.0, hold=1),
    fine_tune=Slimmed(
        batch=4, decay_steps=1000, learning_rate=1e-3, weight_decay=0.0, hold=1, average=0.997
    ),
)

GS8 = dataclasses.replace(EARTH64, quantise="deployable")

TINY = Slimmed(batch=2, decay_steps=3, learning_rate=1e-4, hold=1, average=0.5, checkpoint_every=1)
SMOKE = dataclasses.replace(
    GS8,
    size=32,
    ndf=4,
    budget=12e6,
    distance=ContentStyle("mse"),
    slim=TINY,
    fine_tune=TINY,
    feature_size=32,
)

VGG = "vgg16:vgg16-397923af.pth"
HORSE = Slim(features=VGG)  # the published settings are the defaults
# 153 and 76 steps in an epoch of 1,231 pictures. It begins at random, as published.
YOSEMITE = Slim(
    data="tfds:cycle_gan/summer2winter_yosemite",
    train_teacher=dataclasses.replace(
        cyclegan_teacher.HORSE2ZEBRA, data="tfds:cycle_gan/summer2winter_yosemite"
    ),
    student="random",
    rho=0.01,
    features=VGG,
    slim=Slimmed(decay_steps=200 * 153, hold=153),
    fine_tune=dataclasses.replace(TUNED, decay_steps=200 * 76, hold=76),
)

PRESETS = {
    "earth64": EARTH64,
    "smoke": SMOKE,
    "earth64-gs8": GS8,
    "horse2zebra-gs32": HORSE,
    "horse2zebra-gs8": dataclasses.replace(HORSE, quantise="paper"),
    "summer2winter-gs32": YOSEMITE,
    "summer2winter-gs8": dataclasses.replace(YOSEMITE, quantise="paper"),
}


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
    norm = "affine" if config.trunk else "slimming"
    spec = resnet.Spec(config.ngf, config.train_teacher.blocks, norm=norm)
    judge = patch(PatchSpec(config.ndf, norm="affine", pooled=True))
    return slim(
        "cyclegan_slimming",
        config,
        workdir,
        task=cyclegan.task(judge, reconstruction=0.0),
        teacher=teacher or cyclegan_teacher.generator(config.train_teacher),
        student=student or resnet.generator(spec),
    )
