"""Trains a pix2pix generator on aligned pairs, to be a teacher.

    python -m experiments.pix2pix_teacher --preset earth64
    python -m experiments.pix2pix_teacher --preset earth64 --family unet --downs 6

Hinge loss and the mean difference to the truth, the discriminator sees the source too, Adam (0.5,
0.999), constant then falling linearly: Isola et al. 2017 (arXiv 1611.07004) with the loss of Li et
al. 2020 (arXiv 2003.08936). `earth128` has batch norms and a discriminator of fine detail, with
least squares, instead. `experiments/README.md` holds the measured rows.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from ganc.compression import settings
from ganc.compression.teach import teach
from ganc.losses.adversarial import HINGE, LEAST_SQUARES
from ganc.models import unet
from ganc.models.detail_discriminator import DetailSpec, detail_patch
from ganc.models.discriminators import PatchSpec, patch
from ganc.ranges import whole
from ganc.recipes import cyclegan_teacher
from ganc.scores.row import Row
from ganc.tasks import pix2pix
from ganc.tasks.task import Task
from ganc.types import Generator


@dataclass(frozen=True)
class Teaching(settings.Teaching):
    """How a teacher of pairs is trained."""

    reconstruction: float = 10.0
    """weight of the distance to the truth: 10, as published for maps, or 100"""
    family: Literal["resnet", "unet"] = "resnet"
    """resnet: that of CycleGAN, with instance norms; unet: that of pix2pix, with batch norms"""
    downs: Annotated[int, whole(5, 12)] = 8
    """how often a U-Net halves the resolution: 8 for 256 px"""
    norm: Literal["instance", "batch"] = "instance"
    """of a ResNet: instance, as published, to which plains look as rough as mountains; or batch"""
    judge: Literal["patch", "detail"] = "patch"
    """patch: the published PatchGAN, with the hinge; detail: one without norms that sees only fine
    detail, with least squares"""


# Published for maps: 796 pairs that the search has no part in, batch 1.
MAPS = Teaching(data="folder:maps", ndf=128, constant_steps=79_600, decay_steps=159_200)

EARTH = Teaching(
    data="earth", ngf=24, blocks=6, upsampling="resize", ndf=32, reconstruction=5.0, average=0.999
)

# The recipe of the shipped teacher of 64 px.
SHORT: dict[str, Any] = {
    "batch": 4,
    "constant_steps": 2500,
    "decay_steps": 2500,
    "learning_rate": 5e-4,
}
EARTH64 = dataclasses.replace(EARTH, **SHORT, size=64)

# Batch norms see windows as they see whole pictures, so windows will do, which cost less.
EARTH128 = dataclasses.replace(
    EARTH,
    size=128,
    crop=64,
    norm="batch",
    judge="detail",
    batch=4,
    constant_steps=1500,
    decay_steps=1500,
    learning_rate=1e-3,
    discriminator_learning_rate=3e-4,
    average=0.998,
)

SMOKE = dataclasses.replace(
    EARTH128,
    size=32,
    crop=0,
    ngf=4,
    blocks=3,
    ndf=4,
    constant_steps=4,
    decay_steps=4,
    checkpoint_every=4,
    feature_size=32,
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "earth128": EARTH128, "maps": MAPS}


def generator(config: Teaching) -> Generator:
    """The network of the `family`; `blocks`, `upsampling` and `norm` are of the ResNet."""
    if config.family == "unet":
        return unet.generator(unet.Spec(config.ngf, config.downs))
    return cyclegan_teacher.generator(config, config.norm)


def rules(config: Teaching) -> Task:
    """What the teacher learns, from the truth and from its discriminator."""
    if config.judge == "detail":
        judge, adversarial = detail_patch(DetailSpec(config.ndf)), LEAST_SQUARES
    else:
        norm = "batch" if config.family == "unet" else "instance"
        judge, adversarial = patch(PatchSpec(config.ndf, channels_in=6, norm=norm)), HINGE
    return pix2pix.task(judge, adversarial=adversarial, reconstruction=config.reconstruction)


def run(config: Teaching, workdir: Path) -> list[Row]:
    """Trains, scores on the report split, and writes results, samples, report and models."""
    network = generator(config)
    return teach("pix2pix_teacher", config, workdir, task=rules(config), generator=network)
