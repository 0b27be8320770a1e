"""Compresses a pix2pix generator by online distillation from a wider and a deeper teacher.

    python -m experiments.pix2pix_omgd

With no flag: satellite pictures of the Earth into relief maps at 64 px, as pairs; teachers and
student train at once. `--teacher DIR` distils from frozen teachers instead, such as those that an
earlier run left; `--wider 0` and `--deeper 0` leave one out. With `--space` the student is a
supernet that is searched afterwards, as in the preset `supernet64`. `--features vgg16:FILE` takes
the network of the publication, with torchvision's `vgg16-397923af.pth`. `experiments/README.md`
holds the measured rows.

Reference: Ren et al. 2021 (arXiv 2108.06908). The presets that begin with a family and a data set
are the released scripts: S8, S12, S16 and S24 are base widths of the student. Cityscapes is
translated from label maps (A) to photographs (B). Published for `unet-cityscapes-s16`: mIoU 48.91.
"""

import dataclasses
from pathlib import Path
from typing import Any

from ganc.compression.omgd import DEEPER, WIDER, distil
from ganc.compression.omgd_settings import Online, OnlineTraining
from ganc.losses.imitation import Imitation
from ganc.models import deep_resnet, resnet, unet
from ganc.models.discriminators import BranchedSpec, branch, branched
from ganc.nn.norm import Norm
from ganc.scores.row import Row
from ganc.search.evolution import Evolution
from ganc.search.search import Search
from ganc.tasks import pix2pix
from ganc.types import Generator

# Of Lite0's features the published weight of the style would make it twenty times the other terms.
LITE0 = Imitation(style=500.0)

# Eleven times fewer multiply-adds than its wider teacher, 15 times fewer than a dense one of base
# width 24. Wider teachers take most of the steps that a quarter of an hour has.
EARTH64 = Online(
    data="earth",
    size=64,
    ngf=8,
    wider=32,
    deeper=8,
    blocks=6,
    downs=6,
    ndf=32,
    imitation=LITE0,
    training=OnlineTraining(
        constant_steps=2000, decay_steps=2000, learning_rate=1e-3, hold=1, average=0.999
    ),
)

# The smallest that say something, for the presets `smoke` of all tasks.
SMALL: dict[str, Any] = {
    "size": 32,
    "ngf": 4,
    "wider": 6,
    "blocks": 3,
    "ndf": 4,
    "feature_size": 32,
    "training": OnlineTraining(
        batch=2, constant_steps=2, decay_steps=2, hold=1, checkpoint_every=2
    ),
}
SMOKE = dataclasses.replace(
    EARTH64,
    **SMALL | {"training": dataclasses.replace(SMALL["training"], every=2)},
    deeper=4,
    downs=5,
)

# A student that is a supernet, wider than the one above: its sub-networks learn online, one in
# every step, and a search finds those that are best for what they cost.
SUPERNET64 = dataclasses.replace(
    EARTH64,
    ngf=16,
    space="16/12/8/6",
    search=Search(
        budget=25e6,
        pictures=96,
        feature_size=96,
        batch=16,
        evolution=Evolution(population=32, generations=5, mutation=0.4, favour=2.0),
    ),
)

# Base widths: the student's -> those of its wider and deeper teacher and of the discriminator.
TEACHERS = {16: (64, 16, 128), 12: (48, 12, 96), 8: (48, 12, 96), 24: (96, 24, 128)}
# Script -> stages that the branches share, weight of the channels. The released script for S24 on
# edges2shoes cannot run; 100 is what it says it means.
SCRIPTS = {
    ("unet", "cityscapes", 16): (5, 50.0),
    ("unet", "cityscapes", 12): (5, 50.0),
    ("unet", "cityscapes", 8): (3, 50.0),
    ("unet", "edges2shoes", 16): (5, 10.0),
    ("unet", "edges2shoes", 12): (5, 10.0),
    ("unet", "edges2shoes", 8): (5, 10.0),
    ("resnet", "cityscapes", 16): (4, 0.0),
    ("resnet", "cityscapes", 12): (3, 0.0),
    ("resnet", "cityscapes", 24): (3, 0.0),
    ("resnet", "cityscapes", 8): (3, 0.0),
    ("resnet", "edges2shoes", 16): (3, 100.0),
    ("resnet", "edges2shoes", 12): (3, 1000.0),
    ("resnet", "edges2shoes", 8): (3, 1000.0),
    ("resnet", "edges2shoes", 24): (3, 100.0),
}


def _script(family, data: str, ngf: int) -> Online:
    (wider, deeper, ndf), (shared, channels) = TEACHERS[ngf], SCRIPTS[family, data, ngf]
    batch = 1 if (family, data) == ("resnet", "cityscapes") else 4
    if data == "cityscapes":  # 2,975 pairs
        epoch, constant, decay, every = -(-2975 // batch), 300, 450, 3
    else:  # 47,977 pairs
        epoch, constant, decay, every = -(-47_977 // batch), 100, 100, 1
    training = OnlineTraining(
        batch=batch,
        constant_steps=constant * epoch,
        decay_steps=decay * epoch,
        hold=epoch,
        every=every,
    )
    return Online(
        data=f"folder:{data}",
        family=family,
        ngf=ngf,
        wider=wider,
        deeper=deeper,
        ndf=ndf,
        shared=shared,
        channels=channels,
        training=training,
    )


PRESETS = {"earth64": EARTH64, "smoke": SMOKE, "supernet64": SUPERNET64} | {
    f"{family}-{data}-s{ngf}": _script(family, data, ngf) for family, data, ngf in SCRIPTS
}


def generator(config: Any, ngf: int, *, deeper: bool = False) -> Generator:
    """A network of base width `ngf`, of the `family`, `blocks` and `downs` of `config`."""
    if config.family == "unet":
        return unet.generator(unet.Spec(ngf, config.downs, deeper=deeper))
    if deeper:
        return deep_resnet.generator(deep_resnet.Spec(ngf, config.blocks))
    return resnet.generator(resnet.Spec(ngf, config.blocks, separable=True))


def norm(family: str) -> Norm:
    """What normalises the discriminators of a family's generators."""
    return "batch" if family == "unet" else "instance"


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
    judge = branched(BranchedSpec(config.ndf, norm=norm(config.family), shared=config.shared))
    teachers = {}
    if config.wider:
        teachers[WIDER] = teacher or generator(config, config.wider)
    if config.deeper:
        teachers[DEEPER] = generator(config, config.deeper, deeper=True)
    games = {}
    for index, (name, network) in zip((0, 1), teachers.items(), strict=False):
        before = pix2pix.task(branch(judge, index), reconstruction=config.reconstruction)
        games[name] = before.play(network)
    return distil(
        "pix2pix_omgd",
        config,
        workdir,
        task=pix2pix.task(judge, reconstruction=config.reconstruction),
        student=student or generator(config, config.ngf),
        teachers=teachers,
        games=games,
    )
