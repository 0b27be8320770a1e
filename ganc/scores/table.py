"""The table that a run ends with."""

from collections.abc import Callable, Sequence

from rich.table import Table

from ganc.metrics.protocol import comparable
from ganc.runs.console import console
from ganc.scores.row import Row

_COSTS: dict[str, Callable[[Row], str]] = {
    "parameters, thousands": lambda r: f"{(r.params or 0) / 1e3:,.1f}",
    "size, kB": lambda r: "" if r.bytes is None else f"{r.bytes / 1e3:,.1f}",
    "MACs, published, millions": lambda r: f"{r.macs['published'] / 1e6:,.1f}",
    "MACs, true, millions": lambda r: f"{r.macs['true'] / 1e6:,.1f}",
    "latency p50, ms": lambda r: f"{r.latency_ms['p50']:.2f}",
    "latency p95, ms": lambda r: f"{r.latency_ms['p95']:.2f}",
}


def print_table(rows: Sequence[Row], title: str) -> None:
    """Prints the rows as columns, so that long protocol strings stay readable.

    Raises:
        UserError: rows have a metric under different protocols alone; see `comparable`.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="fold")
    for row in rows:
        table.add_column(row.name, justify="right", min_width=max(map(len, row.name.split())))
    for label, show in _COSTS.items():
        table.add_row(label, *("" if row.params is None else show(row) for row in rows))
    for protocol, values in comparable({row.name: row.metrics for row in rows}).items():
        shown = (values.get(row.name) for row in rows)
        table.add_row(
            protocol.replace("[", r"\["), *("" if v is None else f"{v:.4f}" for v in shown)
        )
    console.print(table)
