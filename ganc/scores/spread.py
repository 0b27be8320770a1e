"""How far the scores of one experiment spread over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from ganc.metrics.protocol import Protocol, comparable, direction
from ganc.runs.console import console
from ganc.scores.row import Row


def spread(runs: Mapping[int, Sequence[Row]]) -> list[dict[str, Any]]:
    """For every model and protocol the mean, deviation, last and best over seeds.

    The last is that of the last seed, the best is the best of all seeds: what a publication quotes
    that says nothing of the others.

    Args:
        runs: seed -> the rows of its run.

    Returns: for every model {"name", "seeds", "metrics": protocol -> {"mean", "std", "last",
        "best", "values"}}; the deviation of one seed is None.

    Raises:
        UserError: a model was scored under different protocols.
    """
    names = dict.fromkeys(row.name for rows in runs.values() for row in rows)
    return [{"name": name, "seeds": list(runs), "metrics": _spread(name, runs)} for name in names]


def _spread(name: str, runs: Mapping[int, Sequence[Row]]) -> dict[str, Any]:
    own = {
        f"seed {seed}": row.metrics for seed, rows in runs.items() for row in rows
        if row.name == name
    }  # fmt: skip
    return {
        protocol: {
            "mean": float(np.mean(list(values.values()))),
            "std": float(np.std(list(values.values()), ddof=1)) if len(values) > 1 else None,
            "last": list(values.values())[-1],
            "best": _best(protocol)(values.values()),
            "values": values,
        }
        for protocol, values in comparable(own).items()
    }


def _best(protocol: str) -> Any:
    return max if direction(Protocol.parse(protocol).metric) == "higher" else min


def print_spread(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints what `spread` found as a table; the best never stands alone."""
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
