"""Prunes a generator that its trained discriminator supervises, and no picture has to match.

    python -m experiments.self_supervised --task cyclegan
    python -m experiments.self_supervised --task pix2pix --sparsity 0.75
    python -m experiments.self_supervised --task srgan --granularity 2:4

With no flag: the shipped CycleGAN teacher of Earth tiles at 64 px, half of whose weights go while
it learns. The package ships no discriminator beside it, so that is trained first, with the
generator of the other direction, against the teacher as it is. Other tasks train their teacher
first. `--teacher DIR`, a run of this experiment or of a teacher's, takes all networks from there.
`--baseline d` is the row d of the publication's table of what fails;
`experiments.self_supervised_table` runs all of them, and the sweep over sparsities.

A checkpoint of a generator alone is not enough for this method: it needs the discriminator.
Pruned single weights make a smaller file and no faster network; `sparsity.json` in the workdir and
the report say who gains what. `--granularity filter` leaves a smaller dense network.

Reference: Yu and Pool 2020 (arXiv 2007.01491). There is no public code; what is inferred is marked
so in `ganc/methods/self_supervised.py` and `ganc/compression/self_supervised_settings.py`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from flax.core import FrozenDict

from ganc.compression.self_supervised import supervise
from ganc.compression.self_supervised_settings import SelfSupervision, Supervised
from ganc.compression.settings import Teaching
from ganc.errors import UserError
from ganc.losses.adversarial import CROSS_ENTROPY
from ganc.models import dcgan as dcgan_network
from ganc.models import resnet, unet
from ganc.models import srgan as srgan_network
from ganc.models import stargan as stargan_network
from ganc.models.discriminators import PatchSpec, patch
from ganc.ranges import whole
from ganc.scores.row import Row
from ganc.tasks import cyclegan, dcgan, pix2pix, srgan, stargan
from ganc.tasks.task import Task
from ganc.train.stage import Training
from ganc.types import Generator

Network = Literal["cyclegan", "pix2pix", "style", "dcgan", "srgan", "stargan"]


@dataclass(frozen=True)
class Config(SelfSupervision):
    """How to compress, and what."""

    task: Network = "cyclegan"
    """whose generator is pruned. What ships for it stands in for the published data: style is
    CycleGAN between two months, dcgan draws satellite tiles, srgan enlarges them four times, and to
    stargan satellite and relief are attributes"""
    data: str = ""
    """earth, earth:TASK, folder:DIR or tfds:NAME; empty: the stand-in of the task that ships"""
    teacher: str = ""
    """shipped, train, a PyTorch checkpoint, or the directory of a model or of a run that has one;
    empty: shipped where the package has one. Discriminators, and of CycleGAN the generator of the
    other direction, that it does not come with are trained against it"""
    minibatch: Annotated[int, whole(0, 4096)] = 0
    """pictures per step, in place of the `batch` of every stage; 0: what the task needs"""

    def needs(self, preset: SelfSupervision) -> Mapping[str, Any]:
        """What the task needs otherwise than `EARTH64` has it: setting -> value."""
        if preset.train_teacher != EARTH64.train_teacher:
            return {}
        changes = SETUPS[self.task].teaching
        return {f"train_teacher.{name}": value for name, value in changes.items()}


@dataclass(frozen=True)
class Setup:
    """A task with its networks.

    Attributes:
        build: what is trained -> the task and its generator.
        data: what ships for it.
        teacher: what is taken if nothing is said.
        batch: pictures per step if nothing is said.
        teaching: how its teacher is trained otherwise than `EARTH64` has it if nothing is said.
    """

    build: Callable[[Teaching, int], tuple[Task, Generator]]
    data: str = "earth"
    teacher: str = "train"
    batch: int = 1
    teaching: Mapping[str, Any] = FrozenDict()


def _cyclegan(config: Teaching, size: int) -> tuple[Task, Generator]:
    del size
    spec = resnet.Spec(config.ngf, config.blocks, upsampling=config.upsampling)
    return cyclegan.task(patch(PatchSpec(config.ndf))), resnet.generator(spec)


def _pix2pix(config: Teaching, size: int) -> tuple[Task, Generator]:
    judge = patch(PatchSpec(config.ndf, channels_in=6, norm="batch"))
    downs = max(5, (size & -size).bit_length() - 1)  # as often as the size can be halved
    return (
        pix2pix.task(judge, adversarial=CROSS_ENTROPY),
        unet.generator(unet.Spec(config.ngf, min(downs, 8))),
    )


def _dcgan(config: Teaching, size: int) -> tuple[Task, Generator]:
    judge = dcgan_network.discriminator(dcgan_network.DiscriminatorSpec(config.ndf, size))
    spec = dcgan_network.Spec(config.ngf, side=size)
    return dcgan.task(judge, noise=spec.noise), dcgan_network.generator(spec)


def _srgan(config: Teaching, size: int) -> tuple[Task, Generator]:
    spec = srgan_network.DiscriminatorSpec(config.ndf, size, hidden=16 * config.ndf)
    generator = srgan_network.generator(srgan_network.Spec(config.ngf, config.blocks))
    return srgan.task(srgan_network.discriminator(spec)), generator


def _stargan(config: Teaching, size: int) -> tuple[Task, Generator]:
    layers = min(6, size.bit_length() - 3)  # down to 4 px or less
    count = len(stargan.ATTRIBUTES)
    judge = stargan_network.DiscriminatorSpec(config.ndf, size, layers, count)
    generator = stargan_network.generator(stargan_network.Spec(config.ngf, config.blocks, count))
    return stargan.task(stargan_network.discriminator(judge)), generator


SETUPS: dict[str, Setup] = {
    "cyclegan": Setup(_cyclegan, teacher="shipped"),
    "pix2pix": Setup(_pix2pix, batch=4),
    "style": Setup(
        _cyclegan,
        data="earth:season",
        teaching=FrozenDict(constant_steps=3000, decay_steps=3000, upsampling="resize"),
    ),
    "dcgan": Setup(
        _dcgan,
        data="earth:relief-satellite",
        batch=16,
        teaching=FrozenDict(constant_steps=4000, decay_steps=4000),
    ),
    "srgan": Setup(
        _srgan,
        data="earth:coarse-satellite",
        batch=4,
        teaching=FrozenDict(learning_rate=1e-3, discriminator_learning_rate=2e-4),
    ),
    # Months cannot be told apart: the cross entropy of such attributes stays at 1.2, chance is 1.4.
    "stargan": Setup(
        _stargan,
        batch=2,
        teaching=FrozenDict(ngf=16, learning_rate=4e-4, discriminator_learning_rate=8e-4),
    ),
}

EARTH64 = Config(
    size=64,
    train_teacher=Teaching(
        ngf=24,
        blocks=6,
        ndf=32,
        constant_steps=1500,
        decay_steps=1500,
        average=0.999,
    ),
    opponents=Training(constant_steps=500, decay_steps=500),
    training=Supervised(constant_steps=750, decay_steps=750, learning_rate=1e-4, average=0.99),
)

SMOKE = dataclasses.replace(
    EARTH64,
    size=32,
    teacher="train",
    minibatch=2,
    train_teacher=Teaching(
        ngf=4, blocks=3, ndf=4, constant_steps=2, decay_steps=2, checkpoint_every=2
    ),
    opponents=Training(constant_steps=1, decay_steps=1, checkpoint_every=1),
    updates=2,
    training=Supervised(constant_steps=2, decay_steps=2, checkpoint_every=2),
    feature_size=32,
)

# A tenth of the steps of the public baseline, whose settings are the defaults.
HORSE2ZEBRA = Config(data="tfds:cycle_gan/horse2zebra", teacher="train", minibatch=1)
MAPS = Config(
    task="pix2pix",
    data="folder:maps",
    teacher="train",
    minibatch=1,
    train_teacher=Teaching(constant_steps=109_600, decay_steps=109_600),  # 100 epochs of 1,096 each
    training=Supervised(constant_steps=10_960, decay_steps=10_960),
)

PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "horse2zebra": HORSE2ZEBRA, "maps": MAPS}


def run(config: Config, workdir: Path, *, teacher: Generator | None = None) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    `teacher` takes the place of the network that `config` describes.
    """
    setup = SETUPS[config.task]
    batch = config.minibatch or setup.batch
    config = dataclasses.replace(
        config,
        data=config.data or setup.data,
        teacher=config.teacher or setup.teacher,
        minibatch=batch,
        train_teacher=dataclasses.replace(config.train_teacher, batch=batch),
        opponents=dataclasses.replace(config.opponents, batch=batch),
        training=dataclasses.replace(config.training, batch=batch),
    )
    _check(config)
    task, generator = setup.build(config.train_teacher, config.window[0])
    generator = teacher or generator
    return supervise("self_supervised", config, workdir, task=task, generator=generator)


def _check(config: Config) -> None:
    """Refuses sizes that networks of one size cannot have."""
    if config.task == "dcgan" and config.crop:
        raise UserError("dcgan draws pictures as large as those it learns from: it has no --crop")
    if config.task in ("dcgan", "srgan", "stargan") and len(set(config.window)) > 1:
        raise UserError(
            f"the discriminator of {config.task} judges squares: --aspect must be 1, or give --crop"
        )
