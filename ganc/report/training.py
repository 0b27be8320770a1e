"""The training of a report: one small chart for each scalar of each stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ganc.report.numbers import finite, numeric, significant
from ganc.report.svg import STUDENT, axes, inline

_BUCKETS = 90
"""A chart is some 200 px wide, so more points than this show nothing more."""


@dataclass(frozen=True)
class Chart:
    """A scalar.

    Attributes:
        name: of the scalar.
        picture: its curve; None where no value is finite.
        last, low, high: values as text; empty where there are none.
        lost: how many values are not finite.
    """

    name: str
    picture: Markup | None
    last: str
    low: str
    high: str
    lost: int


@dataclass(frozen=True)
class Stage:
    """A stage with its charts, up to the step `last`."""

    name: str
    last: float
    charts: Sequence[Chart]


def stages(losses: Sequence[Mapping]) -> list[Stage]:
    """The stages that have scalars, in the order in which they came; `losses` as `write_report`.

    A scalar that is zero throughout, such as a term of no weight, has no chart.
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in losses:
        for name, value in row.items():
            if numeric(value) and name not in ("stage", "step"):
                series = found.setdefault(str(row.get("stage", "")), {})
                series.setdefault(name, []).append((float(row.get("step", 0)), value))
    return [
        Stage(
            name=stage,
            last=max(step for points in series.values() for step, _ in points),
            charts=[_chart(name, points) for name, points in series.items() if _any(points)],
        )
        for stage, series in found.items()
    ]


def _any(points: Sequence[tuple[float, float]]) -> bool:
    return any(value for _, value in points)


def _chart(name: str, points: Sequence[tuple[float, float]]) -> Chart:
    drawn = np.array([point for point in points if finite(point[1])], float).reshape(-1, 2)
    lost = len(points) - len(drawn)
    if not len(drawn):
        return Chart(name, None, "", "", "", lost)
    values = drawn[:, 1]
    last, low, high = map(significant, (values[-1], values.min(), values.max()))
    return Chart(name, _curve(name, drawn), last, low, high, lost)


def _curve(name: str, points: np.ndarray) -> Markup:
    """Steps and values (n 2): the mean of each bucket of steps as a line, its range as a band."""
    parts = np.array_split(points, min(_BUCKETS, len(points)))
    steps, means = np.array([part.mean(0) for part in parts]).T
    low, high = [part[:, 1].min() for part in parts], [part[:, 1].max() for part in parts]
    with axes("curve", (220, 64), left=2, right=2, bottom=4, top=4) as ax:
        ax.set_axis_off()
        ax.margins(0)
        look = {"color": STUDENT, "clip_on": False}
        ax.fill_between(steps, low, high, alpha=0.17, linewidth=0, **look)
        if len(parts) > 1:
            ax.plot(steps, means, linewidth=1.6, solid_capstyle="round", **look)
        else:
            # The page may stretch a marker; a line of no length with round ends stays a dot.
            ax.plot([*steps] * 2, [*means] * 2, linewidth=6, solid_capstyle="round", **look)
        first, last = significant(points[0, 1]), significant(points[-1, 1])
        return inline(ax, f"{name}, from {first} to {last}", stretch=True)
