"""Runs side by side, in one table and one figure: `python -m ganc.compare RUN RUN --figure a.svg`.

Of each run it takes the student, and of the first the teacher. A folder that holds runs, as
`--seeds` and variants of an experiment leave them, counts as its runs; those that differ in their
seed alone are one line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import tyro
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

from ganc import cli
from ganc.errors import UserError
from ganc.metrics.protocol import Protocol, comparable, direction
from ganc.report.numbers import si, significant, times
from ganc.runs import records
from ganc.runs.console import console
from ganc.scores.row import Row
from ganc.scores.verdict import level
from ganc.search.pareto import front

RESULTS = "results.jsonl"

Cost = Literal["macs", "bytes"]
AXES: dict[Cost, str] = {
    "macs": "multiply-adds, published convention",
    "bytes": "bytes of the stored weights",
}


@dataclass(frozen=True)
class Entry:
    """One line of the comparison.

    Attributes:
        name: of the run, or of the folder of its seeds.
        rows: of the model, one for each seed.
        teachers: of the same runs; a run that trained a teacher alone has none.
    """

    name: str
    rows: tuple[Row, ...]
    teachers: tuple[Row, ...]

    def values(self, protocol: str) -> list[float]:
        """What the seeds scored."""
        return [row.metrics[protocol] for row in self.rows if protocol in row.metrics]

    @property
    def level(self) -> str:
        """How many seeds are level with their teachers; empty where nothing can be said."""
        pairs = zip(self.rows, self.teachers, strict=True) if self.teachers else ()
        found = [level(row, teacher).level for row, teacher in pairs]
        known = [one for one in found if one is not None]
        return f"{sum(known)} of {len(known)}" if known else ""


def collect(paths: Sequence[Path]) -> list[Entry]:
    """The students of the runs at `paths`, after the teacher of the first.

    Raises:
        UserError: there is no finished run at one of them.
    """
    entries: list[Entry] = []
    for path in paths:
        found = dict(_runs(path))
        if not found:
            raise UserError(f"{path} holds no finished run: there is no {RESULTS} in it or below")
        groups: dict[str, list[dict[str, Row]]] = {}
        for place, rows in found.items():
            seed = place.name.startswith("seed") and place.name[4:].isdigit() and place != path
            home = place.parent if seed else place
            inside = home.relative_to(path).as_posix()
            name = path.expanduser().absolute().name + ("" if inside == "." else f"/{inside}")
            groups.setdefault(name, []).append(rows)
        for name, runs in groups.items():
            if not entries and "teacher" in runs[0]:
                entries.append(Entry("teacher", (runs[0]["teacher"],), ()))
            students = tuple(rows["student"] for rows in runs if "student" in rows)
            if students:
                teachers = tuple(rows["teacher"] for rows in runs if "student" in rows)
                entries.append(Entry(name, students, teachers))
            elif entries[0].rows[0] is not runs[0].get("teacher"):
                entries.append(Entry(name, tuple(rows["teacher"] for rows in runs), ()))
    return entries


def _runs(path: Path) -> Iterator[tuple[Path, dict[str, Row]]]:
    for file in sorted(path.expanduser().rglob(RESULTS)):
        yield file.parent, {row["name"]: Row.from_json(row) for row in records.read(file)}


def table(entries: Sequence[Entry], metrics: Sequence[str]) -> str:
    """A table in Markdown: costs, and of each metric the values of all seeds.

    One seed has its interval beside it. More have none: read the spread of their values.
    """
    named = {
        f"{entry.name} {i}": row.metrics for entry in entries for i, row in enumerate(entry.rows)
    }
    protocols = [key for key in comparable(named) if Protocol.parse(key).metric in metrics]
    head = ["model", "multiply-adds", "fewer", "parameters", "bytes", *protocols, "level"]
    lines = [head, ["---", *["--:"] * (len(head) - 2), "---"]]
    for entry in entries:
        scores = [_scores(entry, protocol) for protocol in protocols]
        lines.append([entry.name, *_costs(entry, entries[0]), *scores, entry.level])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _costs(entry: Entry, first: Entry) -> list[str]:
    macs = [row.macs["published"] for row in entry.rows]
    params = [row.params or 0 for row in entry.rows]
    fewer = first.rows[0].macs["published"] / np.median(macs)
    sizes = [row.bytes for row in entry.rows if row.bytes is not None]
    return [_span(macs), times(float(fewer)), _span(params), _span(sizes) if sizes else ""]


def _span(values: Sequence[float]) -> str:
    low, high = si(min(values)), si(max(values))
    return low if low == high else f"{low} to {high}"


def _scores(entry: Entry, protocol: str) -> str:
    values = entry.values(protocol)
    text = ", ".join(significant(value) for value in values)
    ends = entry.rows[0].values[protocol].interval if len(values) == 1 else None
    return text + (f" ({significant(ends[0])} to {significant(ends[1])})" if ends else "")


def draw(entries: Sequence[Entry], metric: str, path: Path, over: Cost = "macs") -> None:
    """A figure of the score over a cost, as `path` says: .svg, .png or .pdf.

    A dot for every seed, a bar for its interval, a dashed line for the first entry, the teacher,
    and steps along the front: the dots that no other beats in both.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    ax = figure.add_subplot()
    protocol = next(
        key for key in entries[0].rows[0].metrics if Protocol.parse(key).metric == metric
    )
    lower = direction(metric) != "higher"
    found: list[_Dot] = []
    for index, entry in enumerate(entries):
        colour = "0.3" if index == 0 else f"C{(index - 1) % 10}"
        shape = "osD^v"[(index - 1) // 10 % 5 if index else 0]  # colours come again after ten
        for number, row in enumerate(entry.rows):
            x = row.macs["published"] if over == "macs" else row.bytes
            if protocol not in row.values or x is None:
                continue
            value = row.values[protocol]
            low, high = value.interval or (value.value, value.value)
            spread = [[value.value - low], [high - value.value]]
            found.append(_Dot(x, value.value if lower else -value.value))
            ax.errorbar(x, value.value, spread, fmt=shape, color=colour, elinewidth=1, capsize=2,
                        label=entry.name if number == 0 else None)  # fmt: skip
    best = front(found)
    scores = [dot.score if lower else -dot.score for dot in best]
    ax.step([dot.cost for dot in best], scores, where="post", color="0.8", zorder=0, label="front")
    if entries[0].values(protocol):
        ax.axhline(entries[0].values(protocol)[0], color="0.6", linewidth=1, linestyle="--")
    ax.set(xscale="log", xlabel=AXES[over], ylabel=protocol)
    ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for show in (ax.xaxis.set_major_formatter, ax.xaxis.set_minor_formatter):
        show(EngFormatter(places=0))
    ax.set_title(f"{direction(metric)} is better", loc="left", fontsize="small", color="0.4")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    figure.savefig(path)


class _Dot(NamedTuple):
    """A point of a figure; both are better when lower."""

    cost: float
    score: float


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    metrics: tuple[str, ...] = ("kid", "l1"),
    figure: Path | None = None,
    over: Cost = "macs",
) -> None:
    """Compares the students of runs.

    Args:
        runs: workdirs, or folders of workdirs.
        metrics: the columns of the table; the figure shows the first.
        figure: where to draw, .svg, .png or .pdf.
        over: what it shows scores over; runs that do not know theirs are left out.
    """
    if not runs:
        raise UserError("name one run at least, such as runs/cyclegan_ofa-earth64")
    entries = collect(runs)
    console.print(table(entries, metrics), markup=False, highlight=False, soft_wrap=True)
    if figure is not None:
        draw(entries, metrics[0], figure, over)


if __name__ == "__main__":
    cli.run(main)
