"""The headline figures of a report: how many times cheaper the student is, and how good."""

from collections.abc import Mapping
from dataclasses import dataclass

from ganc.metrics.protocol import direction
from ganc.report.numbers import si, significant, times
from ganc.report.rows import decimals, metric_of, number

_COSTS = (
    (("macs", "published"), "fewer MACs", "more MACs", ""),
    (("latency_ms", "p50"), "faster", "slower", " ms, p50"),
    (("params",), "fewer parameters", "more parameters", ""),
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
    costs = [_cost(teacher, student, *kind) for kind in _COSTS]
    return [figure for figure in (*costs, _score(teacher, student)) if figure]


def _cost(
    teacher: Mapping | None,
    student: Mapping | None,
    path: tuple[str, ...],
    better: str,
    worse: str,
    unit: str,
) -> Figure | None:
    old, new = number(teacher, *path), number(student, *path)
    if not old or not new or old < 0 or new < 0:
        return None
    show = significant if unit else si
    detail = f"{show(old)} → {show(new)}{unit}"
    true = number(teacher, "macs", "true"), number(student, "macs", "true")
    if path[0] == "macs" and all(true):
        detail += f"; {times(true[0] / true[1])} in true MACs"
    word, ratio = (better, old / new) if old >= new else (worse, new / old)
    return Figure(times(ratio), word, detail)


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
