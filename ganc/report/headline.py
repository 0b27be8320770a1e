"""The headline figures of a report: how many times cheaper the student is, and how good."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ganc.metrics.protocol import direction
from ganc.report.numbers import si, significant, times
from ganc.report.rows import decimals, metric_of, number

_SAME = 1.05
"""Ratios below this say that nothing changed, such as the MACs of a student pruned by elements."""


def _bytes(value: float) -> str:
    return f"{si(value)}B"


class _Cost(NamedTuple):
    """A cost, and what to call a student that has less, as much or more of it."""

    path: tuple[str, ...]
    less: str
    same: str
    more: str
    show: Callable[[float], str] = si
    unit: str = ""


_COSTS = (
    _Cost(("macs", "published"), "fewer MACs", "as many MACs", "more MACs"),
    _Cost(("latency_ms", "p50"), "faster", "as fast", "slower", significant, " ms, p50"),
    _Cost(("params",), "fewer parameters", "as many parameters", "more parameters"),
    _Cost(("bytes",), "smaller on disk", "as large on disk", "larger on disk", _bytes),
)


@dataclass(frozen=True)
class Figure:
    """A number in large type, with what it means under it.

    Attributes:
        value: the number as text.
        label: what it is.
        detail: where it comes from.
        hint: shown under the pointer.
    """

    value: str
    label: str
    detail: str
    hint: str = ""


def headline(teacher: Mapping | None, student: Mapping | None) -> list[Figure]:
    """How many times cheaper `student` is than `teacher`, and its first metric beside theirs."""
    costs = [_cost(teacher, student, cost) for cost in _COSTS]
    return [figure for figure in (*costs, _score(teacher, student)) if figure]


def _cost(teacher: Mapping | None, student: Mapping | None, cost: _Cost) -> Figure | None:
    path, show = cost.path, cost.show
    old, new = number(teacher, *path), number(student, *path)
    if not old or not new or old < 0 or new < 0:
        return None
    detail = f"{show(old)} → {show(new)}{cost.unit}"
    true = number(teacher, "macs", "true"), number(student, "macs", "true")
    if path[0] == "macs" and all(true):
        detail += f"; {times(true[0] / true[1])} in true MACs"
    word, ratio = (cost.less, old / new) if old >= new else (cost.more, new / old)
    return Figure(times(ratio), cost.same if ratio < _SAME else word, detail)


def _score(teacher: Mapping | None, student: Mapping | None) -> Figure | None:
    """The first metric that both have, and whose better direction is known."""
    for key in (teacher or {}).get("metrics") or {}:
        name, protocol = metric_of(key)
        better = direction(name)
        old, new = number(teacher, "metrics", key), number(student, "metrics", key)
        if better and old is not None and new is not None:
            places = decimals([old, new])
            detail = f"teacher {old:.{places}f}; {better} is better"
            return Figure(f"{new:.{places}f}", name.upper(), detail, protocol)
    return None
