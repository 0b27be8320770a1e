"""Trains a GauGAN generator on label maps, to be a teacher.

    python -m experiments.gaugan_teacher --preset earth64

The objective is that of Park et al. 2019 (arXiv 1903.07291), without an encoder: hinge at two
scales, matched features of the discriminator and of a frozen network, two learning rates, spectral
norms that are baked in at the end. `--data folder:DIR` takes label maps as grey or palette PNGs in
trainA, pictures of equal names in trainB and, for `--instances`, instances in trainI. `--blocks`
and `--upsampling` mean nothing here. `experiments/README.md` holds the measured rows.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from ganc.compression import settings
from ganc.compression.teach import teach
from ganc.data.labels import LabelMaps
from ganc.models import spade
from ganc.models.spade_discriminator import MultiScaleSpec, multi_scale
from ganc.ranges import number, whole
from ganc.scores.row import Row
from ganc.tasks import gaugan
from ganc.tasks.task import Task


@dataclass(frozen=True)
class Maps:
    """What label maps hold, and how GauGANs are trained on them; the defaults are Cityscapes'."""

    classes: Annotated[int, whole(1, 65535)] = 35
    """of the label maps"""
    dontcare: int | None = None
    """label of pixels of no class, which then have a channel of their own"""
    instances: bool = True
    """whether the edges of instances are given too"""
    doublings: Literal["more", "normal"] = "more"
    """of the resolution in the generator: more: six, normal: five"""
    scales: Annotated[int, whole(1, 8)] = 2
    """resolutions at which the discriminator judges"""
    spectral: bool = True
    """whether the teacher's convolutions have a spectral norm while it trains"""
    features: float = 10.0
    """weight of the distance of the discriminator's features"""
    perceptual: float = 10.0
    """weight of the distance of a frozen network's features; 0: none"""
    network: str = "lite0"
    """whose: lite0, or vgg16:FILE"""


@dataclass(frozen=True)
class Teaching(Maps, settings.Teaching):
    """How a GauGAN is trained, and what its label maps hold; the defaults are Cityscapes'."""

    data: str = "folder:cityscapes"
    """earth:labels-satellite or folder:DIR"""
    aspect: Annotated[int, whole(1, 16)] = 2
    """width of the pictures over their height"""
    batch: Annotated[int, whole(1, 4096)] = 16
    """pictures per step"""
    constant_steps: int = 17_400  # 100 epochs of 2,775 pictures
    """steps at the full learning rate"""
    decay_steps: int = 17_400
    """steps over which it then falls to almost zero"""
    learning_rate: Annotated[float, number(0, 10)] = 1e-4
    """of Adam"""
    discriminator_learning_rate: Annotated[float, number(0, 10)] = 4e-4
    """of the discriminator's; 0: the same"""
    beta1: Annotated[float, number(0, 1, open=True)] = 0.0
    """decay of Adam's mean of the gradients"""
    beta2: Annotated[float, number(0, 1, open=True)] = 0.9
    """decay of Adam's mean of their squares"""


CITYSCAPES = Teaching()  # the published settings are the defaults

# 118,287 pictures less the 500 of the search, in batches of 32.
COCO = dataclasses.replace(
    CITYSCAPES,
    data="folder:coco",
    aspect=1,
    classes=182,
    dontcare=255,
    doublings="normal",
    batch=32,
    constant_steps=368_100,
    decay_steps=0,
)

# What the label maps of `earth:labels-satellite` hold.
EARTH: dict[str, Any] = {"classes": 10, "instances": False, "doublings": "normal"}
EARTH64 = dataclasses.replace(
    CITYSCAPES,
    **EARTH,
    data="earth:labels-satellite",
    size=64,
    aspect=1,
    ngf=12,
    ndf=16,
    batch=4,
    constant_steps=1500,
    decay_steps=1500,
    learning_rate=4e-4,
    discriminator_learning_rate=8e-4,
)

# Compiling takes the time of the smallest runs; the unit tests look at both.
QUICK: dict[str, Any] = {"spectral": False, "perceptual": 0.0}
SMOKE = dataclasses.replace(
    EARTH64,
    **QUICK,
    size=32,
    ngf=4,
    ndf=4,
    scales=1,
    batch=2,
    constant_steps=2,
    decay_steps=2,
    checkpoint_every=2,
    feature_size=32,
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "cityscapes": CITYSCAPES, "coco": COCO}


def spec(maps: Maps, ngf: int, *, separable: bool = False, spectral: bool = False) -> spade.Spec:
    """A generator of base width `ngf`."""
    kind = {"separable": separable, "spectral": spectral}
    return spade.Spec(ngf, labels(maps).channels, upsampling=maps.doublings, **kind)


def labels(maps: Maps) -> LabelMaps:
    """What the label maps hold."""
    return LabelMaps(maps.classes, maps.dontcare, maps.instances)


def make_task(maps: Maps, ndf: int) -> Task:
    """The task, with a discriminator of base width `ndf`."""
    held = labels(maps)
    return gaugan.task(
        multi_scale(MultiScaleSpec(ndf, maps.scales, channels_in=held.channels + 3)),
        held,
        features=maps.features,
        perceptual=maps.perceptual,
        network=maps.network,
    )


def run(config: Teaching, workdir: Path) -> list[Row]:
    """Trains, scores on the report split, and writes results, samples, report and models."""
    task = make_task(config, config.ndf)
    kind = {"separable": config.separable, "spectral": config.spectral}
    generator = spade.generator(spec(config, config.ngf, **kind))
    return teach("gaugan_teacher", config, workdir, task=task, generator=generator)
