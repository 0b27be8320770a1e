"""The table of a report: models and references, by cost and metric."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganc.metrics.protocol import direction
from ganc.report.numbers import finite, si, times
from ganc.report.rows import decimals, is_model, metric_of, number


@dataclass(frozen=True)
class Column:
    """A cost or a metric.

    Attributes:
        path: where a row has its number.
        name: the heading.
        note: the small print under it.
        better: "lower", "higher", or "" where that is unknown.
    """

    path: tuple[str, ...]
    name: str
    note: str
    better: str

    @property
    def metric(self) -> bool:
        """Whether this is a metric, not a cost."""
        return self.path[0] == "metrics"


@dataclass(frozen=True)
class Cell:
    """A number of a row as text.

    Attributes:
        text: the number.
        best: whether no other small model has a better one.
        ratio: how many times less than the teacher's; empty where it is not less.
        interval: its bootstrap interval; empty without one.
        hint: how the interval came about.
    """

    text: str
    best: bool = False
    ratio: str = ""
    interval: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Line:
    """A model or a reference.

    Attributes:
        name: of the row.
        arch: its widths; empty without.
        digest: of its parameters; empty without.
        kind: "teacher", "student", "reference", or "".
        cells: one for each column, None where there is no finite number.
    """

    name: str
    arch: str
    digest: str
    kind: str
    cells: Sequence[Cell | None]


@dataclass(frozen=True)
class Table:
    """Columns, and lines of as many cells."""

    columns: Sequence[Column]
    lines: Sequence[Line]


_COSTS = (
    Column(("params",), "parameters", "", "lower"),
    Column(("bytes",), "size", "bytes on disk", "lower"),
    Column(("macs", "published"), "MACs", "published convention", "lower"),
    Column(("macs", "true"), "MACs", "true", "lower"),
    Column(("latency_ms", "p50"), "latency", "ms, p50", "lower"),
    Column(("latency_ms", "p95"), "latency", "ms, p95", "lower"),
)


def table(rows: Sequence[Mapping], teacher: Mapping | None, student: Mapping | None) -> Table:
    """All rows, with a column for each cost and metric; the best of the smaller models marked."""
    columns = [c for c in _COSTS if any(number(row, *c.path) is not None for row in rows)]
    for key in dict.fromkeys(key for row in rows for key in row.get("metrics") or {}):
        name, protocol = metric_of(key)
        columns.append(Column(("metrics", key), name.upper(), protocol, direction(name) or ""))
    cells = [_cells(column, rows, teacher) for column in columns]
    lines = [
        Line(
            name=str(row.get("name", "")),
            arch=str(row.get("arch") or ""),
            digest=str(row.get("params_sha256") or ""),
            kind=_kind(row, teacher, student),
            cells=[column[index] for column in cells],
        )
        for index, row in enumerate(rows)
    ]
    return Table(columns, lines)


def _kind(row: Mapping, teacher: Mapping | None, student: Mapping | None) -> str:
    kind = "teacher" if row is teacher else "student" if row is student else ""
    return kind if is_model(row) else f"{kind} reference".strip()


def _cells(column: Column, rows: Sequence[Mapping], teacher: Mapping | None) -> list[Cell | None]:
    best = _best(column, rows, teacher)
    places = decimals([number(row, *column.path) for row in rows if is_model(row)])
    return [_cell(column, row, teacher, places, any(row is one for one in best)) for row in rows]


def _best(column: Column, rows: Sequence[Mapping], teacher: Mapping | None) -> list[Mapping]:
    """The rows with the best number among at least two models that are smaller than `teacher`."""
    full = number(teacher, "macs", "published") or math.inf
    small = [row for row in rows if (number(row, "macs", "published") or math.inf) < full]
    small = [row for row in small if number(row, *column.path) is not None]
    if len(small) < 2 or not column.better:
        return []
    best = (min if column.better == "lower" else max)(number(row, *column.path) for row in small)
    return [row for row in small if number(row, *column.path) == best]


def _cell(
    column: Column, row: Mapping, teacher: Mapping | None, places: int, best: bool
) -> Cell | None:
    value = number(row, *column.path)
    if value is None:
        return None
    text = si(value) if column.path[0] in ("params", "bytes", "macs") else f"{value:.{places}f}"
    if column.metric:
        hint = str(row.get("intervals_protocol") or "")
        return Cell(text, best, interval=_interval(row, column.path[1], places), hint=hint)
    base = None if row is teacher else number(teacher, *column.path)
    less = base and 0 < value < base / 1.05
    return Cell(text, best, ratio=f"÷ {times(base / value)[:-1]}" if less else "")


def _interval(row: Mapping, key: str, places: int) -> str:
    ends = (row.get("intervals") or {}).get(key) or ()
    if len(ends) != 2 or not all(map(finite, ends)):
        return ""
    return f"{ends[0]:.{places}f} to {ends[1]:.{places}f}"
