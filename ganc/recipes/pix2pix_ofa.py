"""Compresses a pix2pix generator, trained on aligned pairs, by once-for-all distillation.

    python -m experiments.pix2pix_ofa

With no flag: satellite pictures of the Earth into relief maps at 64 px, as pairs, from the teacher
that ships with the package. `--data folder:DIR` takes aligned pictures: trainA and trainB with
equal names, or train with pictures of A and B side by side. `experiments/README.md` holds the
measured rows.

Reference: Li et al. 2020 (arXiv 2003.08936), both pipelines: the truth is what the student
reconstructs, the discriminator sees the source too, hinge loss. `maps` and `edges2shoes` are
published settings of the fast one, `maps-original` and `edges2shoes-original` of the other; the
budget of the latter is that of the authors' tutorial, that of the former ours.
"""

import dataclasses
from pathlib import Path
from typing import Any

from ganc.compression.once_for_all import compress
from ganc.compression.settings import Compression, Distillation, Teaching
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.recipes import cyclegan_ofa, cyclegan_teacher, pix2pix_teacher
from ganc.scores.row import Row
from ganc.search.evolution import Evolution
from ganc.search.search import Search
from ganc.tasks import pix2pix
from ganc.types import Generator

# From the teacher that ships with the package, whose up-sampling leaves no grid; otherwise as
# `cyclegan_ofa`; `experiments/README.md` says how that was chosen.
EARTH64 = dataclasses.replace(
    cyclegan_ofa.EARTH64,
    train_teacher=Teaching(
        **pix2pix_teacher.SHORT, ngf=24, blocks=6, upsampling="resize", ndf=32, average=0.999
    ),
    upsampling="resize",
    reconstruction=10.0,
)

TINY = Teaching(
    ngf=12, blocks=3, ndf=4, batch=2, constant_steps=2, decay_steps=2, checkpoint_every=2
)
SMOKE = dataclasses.replace(cyclegan_ofa.SMOKE, teacher="train", train_teacher=TINY)

# Published epochs, of 45,929 pairs in batches of 4 and of 796 pairs; their teachers' are longer by
# the pairs of the search, which are held out of ours.
EDGES2SHOES = Compression(
    data="folder:edges2shoes",
    train_teacher=Teaching(batch=4, ndf=128, constant_steps=57_415, decay_steps=172_245),
    ndf=128,
    space="channels-64-pix2pix",
    reconstruction=100.0,
    distillation=1.0,
    supernet=Distillation(batch=4, constant_steps=114_830, decay_steps=344_490),
    search=Search(budget=4.9e9, pictures=2048, evolution=Evolution(mutation=0.3)),
    fine_tune=Distillation(batch=4, constant_steps=57_415, decay_steps=172_245),
)
MAPS = Compression(
    data="folder:maps",
    train_teacher=Teaching(ndf=128, constant_steps=79_600, decay_steps=159_200),
    ndf=128,
    space="channels-64-pix2pix",
    reconstruction=10.0,
    distillation=0.01,
    supernet=Distillation(constant_steps=159_200, decay_steps=318_400),
    search=Search(budget=4.6e9, pictures=300, evolution=Evolution(mutation=0.3)),
    fine_tune=Distillation(constant_steps=79_600, decay_steps=159_200),
)
NARROW: dict[str, Any] = {"pipeline": "original", "ngf": 48, "space": "channels-48"}
EDGES2SHOES_ORIGINAL = dataclasses.replace(
    EDGES2SHOES,
    **NARROW,
    pre_distillation=Distillation(batch=4, constant_steps=57_415, decay_steps=172_245),
    search=Search(strategy="exhaustive", budget=5.7e9, pictures=2048),
)
MAPS_ORIGINAL = dataclasses.replace(
    MAPS,
    **NARROW,
    train_teacher=dataclasses.replace(MAPS.train_teacher, ngf=96),
    pre_distillation=Distillation(constant_steps=79_600, decay_steps=159_200),
    search=Search(strategy="exhaustive", budget=5.7e9, pictures=300),
)

PRESETS = {
    "earth64": EARTH64,
    "smoke": SMOKE,
    "edges2shoes": EDGES2SHOES,
    "edges2shoes-original": EDGES2SHOES_ORIGINAL,
    "maps": MAPS,
    "maps-original": MAPS_ORIGINAL,
}


def run(
    config: Compression,
    workdir: Path,
    *,
    student: Generator | None = None,
    teacher: Generator | None = None,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    `student` and `teacher` take the place of the networks that `config` describes.
    """
    judge = PatchSpec(config.ndf, channels_in=6)
    return compress(
        "pix2pix_ofa",
        config,
        workdir,
        task=pix2pix.task(patch(judge), reconstruction=config.reconstruction),
        student=student
        or resnet.generator(
            resnet.Spec(config.ngf, config.blocks, separable=True, upsampling=config.upsampling)
        ),
        teacher=teacher or cyclegan_teacher.generator(config.teaching),
    )
