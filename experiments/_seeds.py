"""One experiment under several seeds: how far its scores spread."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ganc.errors import UserError
from ganc.metrics.protocol import HIGHER, Protocol, comparable
from ganc.runs import records
from ganc.runs.console import console


def run_seeds(
    run: Callable[[Any, Path], Sequence[Mapping[str, Any]]], config: Any, workdir: Path, count: int
) -> list[dict[str, Any]]:
    """Runs `config` with `count` seeds, each in a workdir of its own, and writes `seeds.jsonl`.

    Args:
        run: `run(config, workdir)` -> rows with a name and metrics; resumes what is there.
        config: of the first seed; the others follow it.
        workdir: where `seed0`, `seed1`, ... go, by seed.
        count: of seeds.

    Returns: see `spread`.

    Raises:
        UserError: the count is no count, or the workdir holds a run without --seeds.
    """
    if count < 1:
        raise UserError(f"--seeds takes 1 or more, got {count}")
    if (workdir / "config.json").exists():
        raise UserError(f"the workdir {workdir} holds a run of one seed; name another --workdir")
    seeds = range(config.seed, config.seed + count)
    runs = {}
    for seed in seeds:
        console.rule(f"seed {seed}")
        runs[seed] = run(dataclasses.replace(config, seed=seed), workdir / f"seed{seed}")
    found = spread(runs)
    records.write(workdir / "seeds.jsonl", found)
    print_spread(found)
    return found


def spread(runs: Mapping[int, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """For every model and protocol the mean, deviation, last and best over seeds.

    The last is that of the last seed, the best is the best of all seeds: what a publication quotes
    that says nothing of the others.

    Args:
        runs: seed -> rows with `name` and `metrics` (protocol string -> value).

    Raises:
        UserError: a model was scored under different protocols.
    """
    names = dict.fromkeys(str(row["name"]) for rows in runs.values() for row in rows)
    return [{"name": name, "seeds": list(runs), "metrics": _spread(name, runs)} for name in names]


def _spread(name: str, runs: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    own = {
        f"seed {seed}": row["metrics"]
        for seed, rows in runs.items()
        for row in rows
        if row["name"] == name
    }
    return {
        protocol: {
            "mean": float(np.mean(list(values.values()))),
            "std": float(np.std(list(values.values()), ddof=1)) if len(values) > 1 else None,
            "last": list(values.values())[-1],
            "best": (max if Protocol.parse(protocol).metric in HIGHER else min)(values.values()),
            "values": values,
        }
        for protocol, values in comparable(own).items()
    }


def print_spread(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of `spread`; the best never stands alone."""
    table = Table(title=f"over {len(rows[0]['seeds'])} seeds", title_justify="left")
    table.add_column("", overflow="fold")
    for header in ("mean", "deviation", "last", "best"):
        table.add_column(header, justify="right")
    for row in rows:
        table.add_row(str(row["name"]), style="bold")
        for protocol, found in row["metrics"].items():
            values = (found[key] for key in ("mean", "std", "last", "best"))
            shown = ("" if value is None else f"{value:.4f}" for value in values)
            table.add_row(protocol.replace("[", r"\["), *shown)
    console.print(table)
