"""The search of a report: its plot, the chosen widths, and the front as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ganc.report.numbers import finite, si, significant
from ganc.report.pareto import pareto
from ganc.report.rows import number
from ganc.report.widths import widths

WIDE, NARROW = (760, 420), (370, 340)
"""Two drawings, of which the page shows one: text that is scaled with a drawing is unreadable on a
telephone."""


@dataclass(frozen=True)
class FrontLine:
    """A Pareto-optimal candidate as text; `true` is None where it was not counted."""

    arch: str
    published: str
    true: str | None
    score: str
    chosen: bool


@dataclass(frozen=True)
class Search:
    """What the page says of a search.

    Attributes:
        drawn: how many candidates are in the plot.
        lost: how many are not, for want of a finite score.
        optimal: how many are Pareto-optimal.
        budget: whether there was one.
        wide, narrow: the plot.
        widths: the drawing of the chosen channels; None where they are unknown.
        outline: whose channels are its outline.
        front: by cost.
    """

    drawn: int
    lost: int
    optimal: int
    budget: bool
    wide: Markup
    narrow: Markup
    widths: Markup | None
    outline: str
    front: Sequence[FrontLine]


def search(
    candidates: Sequence[Mapping],
    front: Sequence[Mapping],
    chosen: str,
    budget: int | None,
    teacher: Mapping | None,
) -> Search | None:
    """The section, or None where there is nothing to draw; arguments as of `write_report`."""
    drawn, optimal = _drawable(candidates), _drawable(front)
    if not drawn and not optimal:
        return None
    limit = budget if finite(budget) and budget and budget > 0 else None
    kept, full, outline = _slots(chosen), *_outline(candidates, chosen, teacher)
    return Search(
        drawn=len(drawn),
        lost=len(candidates) - len(drawn),
        optimal=len(front),
        budget=limit is not None,
        wide=pareto(drawn, optimal, chosen, limit, size=WIDE),
        narrow=pareto(drawn, optimal, chosen, limit, size=NARROW),
        widths=widths(kept, full) if kept and full else None,
        outline=outline,
        front=[_line(row, chosen) for row in sorted(optimal, key=_published)],
    )


def _drawable(rows: Sequence[Mapping]) -> list[Mapping]:
    """The candidates with a finite score and a positive cost."""
    return [row for row in rows if finite(row.get("score")) and _published(row) > 0]


def _published(row: Mapping) -> float:
    return number(row, "macs", "published") or 0


def _line(row: Mapping, chosen: str) -> FrontLine:
    arch, true = str(row["arch"]), number(row, "macs", "true")
    return FrontLine(
        arch=arch,
        published=si(_published(row)),
        true=None if true is None else si(true),
        score=significant(row["score"], 4),
        chosen=arch == chosen,
    )


def _outline(
    candidates: Sequence[Mapping], chosen: str, teacher: Mapping | None
) -> tuple[list[int], str]:
    """The channels of the teacher, or of the widest candidate where those do not compare."""
    count, full = len(_slots(chosen)), _slots((teacher or {}).get("arch"))
    if len(full) == count:
        return full, "teacher"
    archs = [slots for c in candidates if len(slots := _slots(c.get("arch"))) == count]
    return [max(column) for column in zip(*archs, strict=True)], "widest candidate"


def _slots(arch: object) -> list[int]:
    parts = str(arch or "").split("_")
    return [int(part) for part in parts] if all(map(str.isdecimal, parts)) else []
