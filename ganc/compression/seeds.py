"""One experiment under several seeds."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganc.errors import UserError
from ganc.runs import records
from ganc.runs.console import console
from ganc.scores.row import Row
from ganc.scores.spread import print_spread, spread


def run_seeds(
    run: Callable[[Any, Path], Sequence[Row]], config: Any, workdir: Path, count: int
) -> list[dict[str, Any]]:
    """Runs `config` with `count` seeds, each in a workdir of its own, and writes `seeds.jsonl`.

    Args:
        run: `run(config, workdir)` -> rows; resumes what is there.
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
    if found:  # none where --stages ends before there are scores
        records.write(workdir / "seeds.jsonl", found)
        print_spread(found)
    return found
