"""One scored model: what it costs, what it scores, and how both are written down.

The JSON form is a line of `results.jsonl` and what `python -m ganc.metrics --json` prints.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax.numpy as jnp

from ganc import channels
from ganc.metrics import cost
from ganc.metrics.latency import latency
from ganc.metrics.protocol import Protocol, Value
from ganc.models.flat import params_sha256
from ganc.models.render import compiled
from ganc.models.store import stored_bytes
from ganc.search.space import encode
from ganc.types import Model


@dataclass(frozen=True)
class Row:
    """The scores of a set of pictures, and the costs of the model that made it.

    Copied inputs, real pictures and folders have scores alone.

    Attributes:
        name: `teacher`, `student`, `input copied`.
        values: protocol -> value.
        arch: the architecture in its search space, as the papers write it.
        params: parameters; None where no model was measured.
        bytes: that its arrays take as they are stored: a quantised kernel one for each weight, a
            sparse one a bit for each weight and four for those that are not zero.
        macs: convention -> multiply-adds for one picture.
        latency_ms: `p50` and `p95` of one picture.
        params_sha256: of the parameters; see `ganc.models.flat`.
    """

    name: str
    values: Mapping[str, Value]
    arch: str | None = None
    params: int | None = None
    macs: Mapping[str, int] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    params_sha256: str = ""
    bytes: int | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Protocol -> number."""
        return {protocol: value.value for protocol, value in self.values.items()}

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; a number that JSON lacks, such as the infinite PSNR, becomes null."""
        row: dict[str, Any] = {"name": self.name}
        if self.params is not None:
            row |= {"arch": self.arch, "params": self.params, "bytes": self.bytes}
            row |= {"macs": dict(self.macs), "latency_ms": dict(self.latency_ms)}
        known = {protocol: v for protocol, v in self.values.items() if v.interval is not None}
        row["metrics"] = {p: v if math.isfinite(v) else None for p, v in self.metrics.items()}
        row["intervals"] = {protocol: list(v.interval or ()) for protocol, v in known.items()}
        protocols = dict.fromkeys(v.interval_protocol for v in known.values())
        row["intervals_protocol"] = ", ".join(protocols)
        floors = {protocol: dict(v.floor) for protocol, v in self.values.items() if v.floor}
        if floors:
            row["floors"] = floors
        if self.params is not None:
            row["params_sha256"] = self.params_sha256
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Row":
        """The row that `to_json` wrote; keys that it does not know are passed over."""
        costs = ("arch", "params", "macs", "latency_ms", "params_sha256", "bytes")
        return cls(
            row["name"],
            {protocol: _value(protocol, row) for protocol in row["metrics"]},
            **{key: row[key] for key in costs if key in row},
        )


def _value(protocol: str, row: Mapping[str, Any]) -> Value:
    number, ends = row["metrics"][protocol], row.get("intervals", {}).get(protocol)
    if number is None:
        number = math.inf if Protocol.parse(protocol).metric == "psnr" else math.nan
    return Value(
        number,
        None if ends is None else (ends[0], ends[1]),
        "" if ends is None else row["intervals_protocol"],
        row.get("floors", {}).get(protocol),
    )


def measure(
    name: str,
    model: Model,
    shape: tuple[int, ...],
    values: Mapping[str, Value],
    latency_ms: Mapping[str, float],
) -> Row:
    """The row of a model: its costs counted, beside scores and times that were taken before.

    Args:
        name: of the model.
        model: whose costs; nothing is compiled.
        shape: (h, w) or (h, w, c) of one picture, px, for its multiply-adds.
        values: see `Judge.values`.
        latency_ms: see `latencies`.
    """
    generator, params, arch = model
    widths = channels.read_widths(params, generator.axes)
    height, width = shape[:2]
    return Row(
        name,
        values,
        arch=None if arch is None else encode(arch),
        params=int(cost.params(generator)(widths)),
        macs={
            convention: int(cost.macs(generator, height, width, convention)(widths))
            for convention in ("published", "true")
        },
        latency_ms=latency_ms,
        params_sha256=params_sha256(params),
        bytes=stored_bytes(model),
    )


def latencies(
    models: Mapping[str, Model], shape: tuple[int, ...], repeats: int = 50
) -> dict[str, dict[str, float]]:
    """The 50th and 95th percentile of the time that each model takes for one picture, in ms.

    Args:
        models: name -> model; they take turns.
        shape: (h, w) or (h, w, c) of the picture, px.
        repeats: rounds that are counted.

    Returns: name -> {"p50": ms, "p95": ms}.
    """
    height, width = shape[:2]
    calls = {}
    for name, (generator, params, _) in models.items():
        x = jnp.zeros((1, height, width, generator.channels_in))
        calls[name] = partial(compiled(generator), params, x)
    return latency(calls, repeats=repeats)
