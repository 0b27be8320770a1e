"""The front at a glance: the same pictures by several models, from the cheapest to the budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganc.metrics.protocol import direction
from ganc.report.numbers import finite, si, significant
from ganc.report.rows import metric_of


@dataclass(frozen=True)
class FrontPoint:
    """A model of the Pareto front.

    Attributes:
        name: what to call it.
        arch: its widths.
        macs: multiply-adds, published convention.
        latency_ms: of one picture, ms; None where it was not measured.
        scores: metric, with or without its protocol -> value.
        pictures: what it makes of a few inputs, the same ones at every point, uint8 (h w 3).
    """

    name: str
    arch: str
    macs: float
    latency_ms: float | None
    scores: Mapping[str, float]
    pictures: Sequence[np.ndarray]


@dataclass(frozen=True)
class Score:
    """A score as text: `better` is "lower", "higher" or "", `value` None where it is not finite."""

    name: str
    protocol: str
    better: str
    value: str | None


@dataclass(frozen=True)
class Card:
    """A point as the page shows it.

    Attributes:
        point: the model.
        share: its multiply-adds as a share of the most expensive point's.
        macs, latency: as text; None where they are not finite.
        scores: as text.
        chosen: whether this is the selected model.
    """

    point: FrontPoint
    share: float
    macs: str | None
    latency: str | None
    scores: Sequence[Score]
    chosen: bool


def cards(points: Sequence[FrontPoint], chosen: str) -> list[Card]:
    """One card for each point, from the cheapest on."""
    costs = {id(point): point.macs if finite(point.macs) else 0.0 for point in points}
    top = max(costs.values(), default=0.0) or 1.0
    return [
        Card(
            point=point,
            share=costs[id(point)] / top,
            macs=si(point.macs) if finite(point.macs) else None,
            latency=significant(point.latency_ms) if finite(point.latency_ms) else None,
            scores=[_score(key, value) for key, value in point.scores.items()],
            chosen=point.arch == chosen,
        )
        for point in sorted(points, key=lambda point: costs[id(point)])
    ]


def _score(key: str, value: float) -> Score:
    name, protocol = metric_of(key)
    text = significant(value) if finite(value) else None
    return Score(name.upper(), protocol, direction(name) or "", text)
