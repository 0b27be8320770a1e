"""The rows of `results.jsonl` and the table that a run ends with."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from rich.table import Table

from ganc import channels
from ganc.metrics import cost
from ganc.metrics.latency import latency
from ganc.metrics.protocol import Value, comparable
from ganc.models.flat import params_sha256
from ganc.runs.console import console
from ganc.search.space import encode
from ganc.types import Model


def latencies(models: Mapping[str, Model], size: int, repeats: int) -> dict[str, dict[str, float]]:
    """p50 and p95 in ms of every model for one picture of `size` px, taken in turns."""
    x = jnp.zeros((1, size, size, 3))
    calls = {}
    for name, (generator, params, _) in models.items():
        compiled = jax.jit(lambda p, x, g=generator: g.apply(p, x).image)
        calls[name] = lambda f=compiled, p=params: f(p, x)
    return latency(calls, repeats=repeats)


def row(
    name: str,
    model: Model,
    size: int,
    metrics: Mapping[str, Value],
    latency_ms: Mapping[str, float],
) -> dict[str, Any]:
    """One row of `results.jsonl`; multiply-adds are those of one picture of `size` px."""
    generator, params, arch = model
    widths = channels.read_widths(params, generator.axes)
    count = {
        convention: int(cost.macs(generator, size, size, convention)(widths))
        for convention in ("published", "true")
    }
    return {
        "name": name,
        "arch": None if arch is None else encode(arch),
        "params": int(cost.params(generator)(widths)),
        "macs": count,
        "latency_ms": dict(latency_ms),
        **scores(metrics),
        "params_sha256": params_sha256(params),
    }


def scores(values: Mapping[str, Value]) -> dict[str, Any]:
    """The part of a row that holds scores: values and intervals by protocol string."""
    known = {key: value for key, value in values.items() if value.interval is not None}
    return {
        "metrics": {key: value.value for key, value in values.items()},
        "intervals": {key: value.interval for key, value in known.items()},
        "intervals_protocol": ", ".join({value.interval_protocol for value in known.values()}),
    }


def print_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """The rows as columns, so that long protocol strings stay readable."""
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="fold")
    for entry in rows:
        name = str(entry["name"])
        table.add_column(name, justify="right", min_width=max(map(len, name.split())))
    facts = {
        "parameters, thousands": lambda r: f"{r['params'] / 1e3:,.1f}",
        "MACs, published, millions": lambda r: f"{r['macs']['published'] / 1e6:,.1f}",
        "MACs, true, millions": lambda r: f"{r['macs']['true'] / 1e6:,.1f}",
        "latency p50, ms": lambda r: f"{r['latency_ms']['p50']:.2f}",
        "latency p95, ms": lambda r: f"{r['latency_ms']['p95']:.2f}",
    }
    for label, show in facts.items():
        table.add_row(label, *(show(r) if "macs" in r else "" for r in rows))
    for protocol, values in comparable({str(r["name"]): r["metrics"] for r in rows}).items():
        shown = (values.get(str(r["name"])) for r in rows)
        table.add_row(
            protocol.replace("[", r"\["), *("" if v is None else f"{v:.4f}" for v in shown)
        )
    console.print(table)
