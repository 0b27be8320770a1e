"""Trains a MUNIT, both directions, to be a teacher.

    python -m experiments.munit_teacher --preset earth64

The objective and the schedule are those of Huang et al. 2018 (arXiv 1804.04732): least squares at
three scales, pictures, contents and styles that come back, a decay of weights, and a learning rate
that is halved again and again. On the Earth, seasons are styles. `--upsampling` means nothing here.
`experiments/README.md` holds the measured rows.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ganc.compression import settings
from ganc.compression.teach import teach
from ganc.models import munit as networks
from ganc.models.munit_discriminator import MultiScaleSpec, multi_scale
from ganc.ranges import number, whole
from ganc.scores.row import Row
from ganc.tasks import munit
from ganc.tasks.task import Task


@dataclass(frozen=True)
class Styles:
    """What styles are, and the weights of the game that MUNITs are trained by."""

    blocks: Annotated[int, whole(2, 48, multiple=2)] = 4
    """residual blocks of the content encoders, and of the decoders"""
    downs: Annotated[int, whole(1, 8)] = 2
    """times that a content has half the resolution of its picture"""
    scales: Annotated[int, whole(1, 8)] = 3
    """resolutions at which the discriminators judge"""
    layers: Annotated[int, whole(1, 8)] = 4
    """strided convolutions of the discriminators at each of them"""
    kaiming: bool = False
    """whether the discriminators' first weights are as large as their width asks for, and not as
    published, for base width 64"""
    style_dim: Annotated[int, whole(1, 1024)] = 8
    """numbers in a style"""
    mlp_dim: Annotated[int, whole(1, 4096)] = 256
    """width of the layers between a style and the norms that it sets"""
    image: float = 10.0
    """weight of the distance of a picture to itself, decoded from its content and style"""
    content: float = 1.0
    """weight of the distance of a content to that of its translation"""
    style: float = 1.0
    """weight of the distance of a style to that of what was drawn in it"""
    cycle: float = 0.0
    """weight of the distance of a picture to its translation there and back; 0: none"""


@dataclass(frozen=True)
class Teaching(Styles, settings.Teaching):
    """How a MUNIT is trained; the defaults are those of edges to shoes."""

    data: str = "folder:edges2shoes-r-unaligned"
    """earth:season, folder:DIR or tfds:NAME"""
    constant_steps: int = 1_000_000
    """steps before the linear fall"""
    decay_steps: int = 0
    """steps over which the learning rate falls to almost zero"""
    learning_rate: Annotated[float, number(0, 10)] = 1e-4
    """of Adam"""
    weight_decay: float = 1e-4
    """added to the gradients, in units of the weights"""
    halve_every: int = 100_000
    """steps after which the learning rates are halved, again and again; 0: never"""


EDGES2SHOES = Teaching()  # the published settings are the defaults

# Huang et al. take a cycle for seasons. Contents and patches have fewer positions at 64 px than at
# 256, hence fewer halvings; of eight numbers in a style only two came to mean anything. Without
# first weights that fit their width, discriminators of 16 and 32 channels learned nothing at first.
SEASONS = Styles(downs=1, scales=2, layers=3, kaiming=True, style_dim=2, mlp_dim=64, cycle=10.0)
EARTH64 = dataclasses.replace(
    EDGES2SHOES,
    **dataclasses.asdict(SEASONS),
    data="earth:season",
    size=64,
    ngf=12,
    ndf=32,
    constant_steps=3000,
    decay_steps=3000,
    learning_rate=5e-4,
    halve_every=0,
    average=0.999,
)

SMOKE = dataclasses.replace(
    EARTH64,
    size=32,
    ngf=4,
    blocks=2,  # compiling takes the time here
    scales=1,
    mlp_dim=8,
    ndf=4,
    constant_steps=2,
    decay_steps=2,
    checkpoint_every=2,
    feature_size=32,
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "edges2shoes": EDGES2SHOES}


def spec(styles: Styles, ngf: int, *, separable: bool = False) -> networks.Spec:
    """A generator of base width `ngf`."""
    return networks.Spec(
        ngf,
        separable,
        downs=styles.downs,
        blocks=styles.blocks,
        style_dim=styles.style_dim,
        mlp_dim=styles.mlp_dim,
    )


def make_task(styles: Styles, ndf: int, reconstruction: float = 10.0) -> Task:
    """The task, with discriminators of base width `ndf`.

    `reconstruction` is the weight of a student's distance to its teacher's pictures.
    """
    return munit.task(
        multi_scale(MultiScaleSpec(ndf, styles.layers, styles.scales, kaiming=styles.kaiming)),
        reconstruction=reconstruction,
        image=styles.image,
        content=styles.content,
        style=styles.style,
        cycle=styles.cycle,
        style_dim=styles.style_dim,
    )


def run(config: Teaching, workdir: Path) -> list[Row]:
    """Trains, scores on the report split, and writes results, samples, report and models."""
    task = make_task(config, config.ndf)
    generator = networks.generator(spec(config, config.ngf, separable=config.separable))
    return teach("munit_teacher", config, workdir, task=task, generator=generator)
