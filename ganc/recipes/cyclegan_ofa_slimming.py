"""Slims a once-for-all student of a CycleGAN further, and rounds it to eight bits.

    python -m experiments.cyclegan_ofa_slimming
    python -m experiments.cyclegan_ofa_slimming --student runs/cyclegan_ofa-earth64

Without `--student` one is searched first, as `cyclegan_ofa` does, in WORKDIR/once_for_all; then GAN
Slimming begins with it, in WORKDIR/slimmed: the teacher is still what is imitated, the budget two
thirds of the student's multiply-adds, and weights end as int8. Both are rows of one table, and
`ganc compare WORKDIR --figure front.svg` draws them on one front. No publication has this.
`experiments/README.md` holds measured rows.

Reference: Li et al. 2020 (arXiv 2003.08936), then Wang et al. 2020 (arXiv 2008.11062).
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganc.compression.settings import Compression, Pictured
from ganc.compression.slimming_settings import Slim
from ganc.compression.variants import ONLY, Variant, run_variants
from ganc.errors import UserError
from ganc.recipes import cyclegan_ofa, cyclegan_slimming
from ganc.scores.row import Row


@dataclass(frozen=True)
class Config(Slim):
    """How to slim, and how what is slimmed comes about."""

    student: str = ""
    """the directory of a model, or of a run that has a student; empty: one is searched first"""
    once_for_all: Compression = field(default_factory=Compression)
    """how it is searched; pictures, teacher and seed are those of this run"""


def _composed(slimming: Slim, once_for_all: Compression, **changes: Any) -> Config:
    shared = {f.name: getattr(slimming, f.name) for f in dataclasses.fields(Slim)}
    return Config(**shared | {"student": "", "once_for_all": once_for_all} | changes)


FLAGS = (ONLY,)

PRESETS = {
    "earth64": _composed(cyclegan_slimming.GS8, cyclegan_ofa.EARTH64, budget=30e6),
    # Smaller than the smallest that its search can find.
    "smoke": _composed(cyclegan_slimming.SMOKE, cyclegan_ofa.SMOKE, size=64, budget=10e6),
}


def variants(config: Config, workdir: Path) -> dict[str, Variant]:
    """What is searched, where nothing is given, and what becomes of it.

    Raises:
        UserError: the student is to begin as something that no search found.
    """
    if config.student in ("teacher", "random"):
        raise UserError(f"--student {config.student} is one of cyclegan_slimming; give a directory")
    found: dict[str, Variant] = {}
    start = config.student
    if not start:
        start = str(workdir.expanduser() / "once_for_all")
        names = ("teacher", "seed", *(f.name for f in dataclasses.fields(Pictured)))
        shared: dict[str, Any] = {name: getattr(config, name) for name in names}
        searched = dataclasses.replace(config.once_for_all, **shared)
        found["once_for_all"] = Variant(cyclegan_ofa.run, searched)
    settings: dict[str, Any] = {f.name: getattr(config, f.name) for f in dataclasses.fields(Slim)}
    settings["student"] = start
    slimmed = Slim(**settings)
    needs = "" if config.student else "once_for_all"
    return found | {"slimmed": Variant(cyclegan_slimming.run, slimmed, needs)}


def run(config: Config, workdir: Path, only: Sequence[str] = ()) -> list[Row]:
    """Runs what is not complete yet; returns a row for each and their teacher's."""
    return run_variants(variants(config, workdir), workdir, only)
