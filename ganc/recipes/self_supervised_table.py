"""Runs the tables of self-supervised compression, each as one command.

    python -m experiments.self_supervised_table
    python -m experiments.self_supervised_table --preset sweep64 --task pix2pix --seeds 3

`failures64`: the method (`b`) beside the twelve baselines that fail in the publication (`c` to `n`,
`ganc/compression/self_supervised_settings.py` says what each is). `sweep64`: 25, 50, 75 and 90 % of
single weights and of filters. `--only d e` runs some, after the first, from which all take their
teacher, its discriminators and its partner. Every variant has a workdir of its own in the workdir.

Reference: Yu and Pool 2020 (arXiv 2007.01491), tables 1 and 2, figure 8.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ganc.compression.self_supervised_settings import Baseline
from ganc.compression.variants import ONLY, Variant, run_variants
from ganc.recipes import self_supervised
from ganc.scores.row import Row


@dataclass(frozen=True)
class Table(self_supervised.Config):
    """The configuration that all variants share."""

    table: Literal["failures", "sweep"] = "failures"
    """what varies: the baseline, or how much is pruned, in single weights and in filters"""


def _table(preset: str, table: Literal["failures", "sweep"]) -> Table:
    shared = {
        field.name: getattr(self_supervised.PRESETS[preset], field.name)
        for field in dataclasses.fields(self_supervised.Config)
    }
    return Table(**shared, table=table)


PRESETS = {
    "failures64": _table("earth64", "failures"),
    "sweep64": _table("earth64", "sweep"),
    "smoke": _table("smoke", "failures"),
}

FLAGS = (ONLY,)


def variants(config: Table, workdir: Path) -> dict[str, Variant]:
    """Name -> variant; all but the first take their networks from the first."""
    shared = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(self_supervised.Config)
    }
    changes: dict[str, dict[str, Any]] = {
        letter: {"baseline": letter} for letter in get_args(Baseline)
    }
    if config.table == "sweep":
        changes = {
            f"{granularity}-{percent}": {"granularity": granularity, "sparsity": percent / 100}
            for granularity in ("element", "filter")
            for percent in (25, 50, 75, 90)
        }
    first = next(iter(changes))
    found = {}
    for name, change in changes.items():
        taken: dict[str, Any] = (
            {} if name == first else {"teacher": str(workdir.expanduser() / first)}
        )
        one = self_supervised.Config(**{**shared, **change, **taken})
        found[name] = Variant(self_supervised.run, one, needs="" if name == first else first)
    return found


def run(config: Table, workdir: Path, only: Sequence[str] = ()) -> list[Row]:
    """Runs the variants that are not complete yet; returns a row for each."""
    return run_variants(variants(config, workdir), workdir, only)
