"""The Pareto plot of a report: what each candidate costs and scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

from ganc.report.numbers import finite, si, significant
from ganc.report.rows import number
from ganc.report.svg import DOT, INK, LINE, PAGE, SOFT, STUDENT, axes, inline

_FAINT, _STRONG = 0.2, 0.6
"""Opacity of the first and of the last generation."""


def pareto(
    candidates: Sequence[Mapping],
    front: Sequence[Mapping],
    chosen: str,
    budget: float | None,
    *,
    size: tuple[int, int],
) -> Markup:
    """Scatter of cost and score: all candidates, the front as a step line, the chosen one marked.

    Args:
        candidates: rows with a finite `score` (lower is better), positive `macs` (published, and
            perhaps true), `arch` and perhaps `generation`.
        front: the Pareto-optimal rows, in the same form; one row at least in both together.
        chosen: the `arch` of the selected row.
        budget: MACs of the published convention that the search was held to.
        size: width and height, px.
    """
    front = sorted(front, key=_macs)
    picked = [row for row in (*candidates, *front) if str(row["arch"]) == chosen][:1]
    marks = {
        "candidate": (candidates, 6, {"c": DOT, "alpha": _strengths(candidates), "linewidths": 0}),
        "optimal": (front, 8, {"c": PAGE, "edgecolors": STUDENT, "linewidths": 1.75}),
        "chosen": (picked, 12, {"c": STUDENT, "edgecolors": PAGE, "linewidths": 1.5}),
    }
    with axes(f"pareto{size[0]}", size, left=58, right=14, bottom=46, top=22) as ax:
        for order, (name, (rows, across, look)) in enumerate(marks.items(), 3):
            x, y = [_macs(row) for row in rows], [row["score"] for row in rows]
            if rows:
                ax.scatter(x, y, s=across**2, gid=name, zorder=order, clip_on=False, **look)
        _scales(ax, [*candidates, *front], budget)
        _frame(ax, size)
        if budget:
            _budget(ax, budget)
        _steps(ax, front)
        for row in picked:
            _chosen(ax, row)
        label = f"{len(candidates)} candidates by MACs and score; {len(front)} are Pareto-optimal"
        tips = {name: [_tip(row) for row in rows] for name, (rows, *_) in marks.items() if rows}
        return inline(ax, label, tips)


def _macs(row: Mapping) -> float:
    return row["macs"]["published"]


def _strengths(candidates: Sequence[Mapping]) -> list[float]:
    """Opacity, which grows with the generation."""
    numbers = [number(row, "generation") or 0 for row in candidates]
    first, last = min(numbers, default=0), max(numbers, default=0)
    return [_FAINT + (_STRONG - _FAINT) * (n - first) / ((last - first) or 1) for n in numbers]


def _tip(row: Mapping) -> str:
    cost = f"{si(_macs(row))} MACs"
    if finite(row["macs"].get("true")):
        cost += f" ({si(row['macs']['true'])} true)"
    lines = [str(row["arch"]), f"score {significant(row['score'], 4)}", cost]
    if row.get("generation") is not None:
        lines.append(f"generation {row['generation']}")
    return "\n".join(lines)


def _scales(ax: Axes, rows: Sequence[Mapping], budget: float | None) -> None:
    """Ticks, and room for a label under all points."""
    scores, costs = [row["score"] for row in rows], [_macs(row) for row in rows]
    costs += [budget] if budget else []
    ax.update_datalim([(cost, scores[0]) for cost in costs])
    ax.set(xscale=_scale(costs), yscale=_scale(scores))
    ax.margins(x=0.06, y=0.06)
    for axis, ticks in ((ax.xaxis, max(3, round(ax.bbox.width / 110))), (ax.yaxis, 6)):
        if axis.get_scale() == "log":
            axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=ticks))
            axis.set_minor_locator(NullLocator())
        else:
            axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(EngFormatter())
    ax.yaxis.set_major_formatter("{x:.4g}")
    ax.set_ylim(bottom=_place(ax, (0, -44 / ax.bbox.height))[1])


def _scale(values: Sequence[float]) -> str:
    return "log" if min(values) > 0 and max(values) >= 8 * min(values) else "linear"


def _place(ax: Axes, share: tuple[float, float]) -> np.ndarray:
    """The values at a share of the width and height of `ax`."""
    return ax.transData.inverted().transform(ax.transAxes.transform(share))


def _share(ax: Axes, at: tuple[float, float]) -> np.ndarray:
    """The share of the width and height of `ax` at which values lie; inverse of `_place`."""
    return ax.transAxes.inverted().transform(ax.transData.transform(at))


def _frame(ax: Axes, size: tuple[int, int]) -> None:
    ax.grid(axis="y", color=LINE, linewidth=1)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, pad=8, labelcolor=SOFT)
    scale = ", logarithmic" if ax.get_xscale() == "log" else ""
    ax.set_xlabel(f"MACs, published convention{scale}", color=SOFT, labelpad=6)
    ax.annotate("score, lower is better", (4, size[1] - 11), xycoords="figure pixels", color=SOFT)


def _steps(ax: Axes, front: Sequence[Mapping]) -> None:
    """The front: the best score that each cost can buy, up to the right edge."""
    if front:
        x, y = [_macs(row) for row in front], [row["score"] for row in front]
        right = ax.get_xlim()[1]
        ax.step([*x, right], [*y, y[-1]], where="post", color=STUDENT, linewidth=1.75, zorder=3.5)
        ax.set_xlim(right=right)


def _budget(ax: Axes, budget: float) -> None:
    ax.axvline(budget, color=SOFT, linewidth=1.5, linestyle=(0, (3.4, 2.6)), zorder=2)
    left = _share(ax, (budget, ax.get_ylim()[0]))[0] < 0.5
    look: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "color": SOFT}
    side = (7, "left") if left else (-7, "right")
    _label(ax, f"budget {si(budget)}", (budget, 1), (side[0], -11), ha=side[1], **look)


def _label(
    ax: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **look: Any
) -> None:
    """Text at `shift` px from a point; the page draws a rim around it."""
    look = {"textcoords": "offset points", "gid": "label", "zorder": 9} | look
    ax.annotate(text, at, shift, **look)


def _chosen(ax: Axes, row: Mapping) -> None:
    """A ring around the chosen point, and what it is at its lower left, where no point can lie."""
    at = (_macs(row), row["score"])
    look: dict[str, Any] = {"facecolors": "none", "edgecolors": STUDENT, "linewidths": 1.75}
    ax.scatter(*at, s=20**2, zorder=8, clip_on=False, **look)
    cost, score = f"{si(at[0])} MACs", f"score {significant(at[1])}"
    look = {"color": INK, "fontsize": 13, "fontweight": "bold"}
    if _share(ax, at)[0] * ax.bbox.width > 110:
        for index, line in enumerate(("chosen", cost, score)):
            _label(ax, line, at, (-14, -18 - 16 * index), ha="right", **look)
        return
    # Too close to the edge: into the room below all points.
    look |= {"textcoords": ("offset points", "axes points")}
    stem = {"arrowstyle": "-", "color": STUDENT, "alpha": 0.6, "shrinkA": 0, "shrinkB": 10}
    ax.annotate("", at, (0, 36), textcoords=look["textcoords"], arrowprops=stem)
    for index, line in enumerate((f"chosen, {cost}", score)):
        _label(ax, line, at, (-8, 22 - 16 * index), **look)
