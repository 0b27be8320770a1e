"""What each part of OMGD brings: the same student trained with and without it, in one table.

    python -m experiments.pix2pix_omgd_ablation --only both plain

With no flag: all variants of the default run of `pix2pix_omgd`, one after the other, each in
WORKDIR/NAME. All share data, seed, student and the number of the student's steps; of what teachers
cost beside them, the seconds in each variant's report speak. Flags and presets are those of
`pix2pix_omgd`; with `--seeds` all variants run under every seed. Give the same command again to
resume. `ablation.jsonl` holds the rows of the table. `experiments/README.md` holds measured ones.

Reference: Ren et al. 2021 (arXiv 2108.06908).
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganc.compression.omgd_settings import ONLINE, Online
from ganc.compression.teach import teach
from ganc.compression.variants import ONLY, Variant, run_variants
from ganc.errors import UserError
from ganc.models.discriminators import PatchSpec, patch
from ganc.recipes import pix2pix_omgd, pix2pix_teacher
from ganc.scores.row import Row
from ganc.tasks import pix2pix

PRESETS = {name: config for name, config in pix2pix_omgd.PRESETS.items() if not config.space}

FLAGS = (ONLY,)


def variants(config: Online, workdir: Path) -> dict[str, Variant]:
    """Name -> variant, where `workdir` holds what earlier ones left.

    Raises:
        UserError: `config` says what the variants say themselves.
    """
    if config.teacher != ONLINE or config.space:
        raise UserError("--teacher and --space are flags of pix2pix_omgd, not of its ablation")

    def online(**changes: Any) -> Variant:
        return Variant(pix2pix_omgd.run, dataclasses.replace(config, **changes))

    def without(term: str) -> Variant:
        return online(imitation=dataclasses.replace(config.imitation, **{term: 0.0}))

    return {
        "both": online(),
        "wider": online(deeper=0),
        "deeper": online(wider=0),
        "no-channels": online(channels=0.0),
        "no-ssim": without("ssim"),
        "no-style": without("style"),
        # From the teachers of the first, whose training is over: the distillation of before.
        "offline": online(teacher=str(workdir / "both")),
        "plain": Variant(train_alone, plain(config)),
    }


def plain(config: Online) -> pix2pix_teacher.Teaching:
    """The settings of `config` as far as they are of a student alone.

    Its learning rate falls from step to step, where those of published presets fall by epochs.
    """
    names = {field.name for field in dataclasses.fields(pix2pix_teacher.Teaching)}
    shared = {
        field.name: getattr(settings, field.name)
        for settings in (config, config.training)
        for field in dataclasses.fields(settings)
        if field.name in names
    }
    return pix2pix_teacher.Teaching(**shared)


def train_alone(config: pix2pix_teacher.Teaching, workdir: Path) -> list[Row]:
    """Trains the student before a discriminator of its own; it is stored as `teacher`."""
    judge = patch(PatchSpec(config.ndf, channels_in=6, norm=pix2pix_omgd.norm(config.family)))
    task = pix2pix.task(judge, reconstruction=config.reconstruction)
    student = pix2pix_omgd.generator(config, config.ngf)
    return teach("pix2pix_omgd_ablation", config, workdir, task=task, generator=student)


def run(config: Online, workdir: Path, only: Sequence[str] = ()) -> list[Row]:
    """Runs the variants that are not complete yet; returns the rows of the table."""
    return run_variants(variants(config, workdir), workdir, only)
