"""One scored model: what it costs, what it scores, and how both are written down.

The JSON form is a line of `results.jsonl` and what `python -m ganc.metrics --json` prints.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ganc import channels
from ganc.metrics import cost
from ganc.metrics.bootstrap import Interval
from ganc.metrics.protocol import Protocol, Value
from ganc.models.flat import params_sha256
from ganc.search.space import encode
from ganc.types import Model

COSTS = ("arch", "params", "macs", "latency_ms", "params_sha256")
"""What only a model has: left out of the JSON of copied inputs, real pictures and folders."""


@dataclass(frozen=True)
class Row:
    """The scores of a set of pictures, and the costs of the model that made it, if a model did.

    Attributes:
        name: `teacher`, `student`, `input copied`.
        metrics: protocol -> number.
        intervals: protocol -> the ends of its interval, where it has one.
        intervals_protocol: how the intervals came about; empty without any.
        floors: protocol -> what to read it beside; see `Value.floor`.
        arch: the architecture in its search space, as the papers write it.
        params: parameters; None where no model was measured.
        macs: convention -> multiply-adds for one picture.
        latency_ms: `p50` and `p95` of one picture.
        params_sha256: of the parameters; see `ganc.models.flat`.
    """

    name: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    intervals_protocol: str = ""
    floors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    arch: str | None = None
    params: int | None = None
    macs: Mapping[str, int] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    params_sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; a number that JSON lacks, such as the infinite PSNR, becomes null."""
        known = asdict(self)
        if self.params is None:
            known = {key: value for key, value in known.items() if key not in COSTS}
        if not self.floors:
            del known["floors"]
        metrics = {p: value if math.isfinite(value) else None for p, value in self.metrics.items()}
        intervals = {protocol: list(ends) for protocol, ends in self.intervals.items()}
        return {k: known[k] for k in _ORDER if k in known} | {
            "metrics": metrics,
            "intervals": intervals,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Row":
        """The row that `to_json` wrote; keys that it does not know are passed over."""
        known = {key: row[key] for key in _ORDER if key in row}
        metrics = {key: _number(key, value) for key, value in row["metrics"].items()}
        intervals = {key: (low, high) for key, (low, high) in row.get("intervals", {}).items()}
        return cls(**known | {"metrics": metrics, "intervals": intervals})


# Of the keys of a line: costs stand before scores, where people look for them.
_ORDER = (
    "name", "arch", "params", "macs", "latency_ms", "metrics", "intervals", "intervals_protocol",
    "floors", "params_sha256",
)  # fmt: skip


def _number(protocol: str, value: float | None) -> float:
    if value is not None:
        return value
    return math.inf if Protocol.parse(protocol).metric == "psnr" else math.nan


def scored(name: str, values: Mapping[str, Value]) -> Row:
    """The row of pictures that no model made, or none that is known: scores without costs."""
    known = {key: value for key, value in values.items() if value.interval is not None}
    return Row(
        name=name,
        metrics={key: value.value for key, value in values.items()},
        intervals={key: value.interval for key, value in known.items() if value.interval},
        intervals_protocol=", ".join(
            dict.fromkeys(value.interval_protocol for value in known.values())
        ),
        floors={key: value.floor for key, value in values.items() if value.floor},
    )


def measure(
    name: str,
    model: Model,
    shape: tuple[int, ...],
    values: Mapping[str, Value],
    latency_ms: Mapping[str, float],
) -> Row:
    """The row of a model: its costs counted, beside scores and times that were taken elsewhere.

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
    return replace(
        scored(name, values),
        arch=None if arch is None else encode(arch),
        params=int(cost.params(generator)(widths)),
        macs={
            convention: int(cost.macs(generator, height, width, convention)(widths))
            for convention in ("published", "true")
        },
        latency_ms=dict(latency_ms),
        params_sha256=params_sha256(params),
    )
