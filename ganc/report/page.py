"""The report of a finished compression: one HTML page that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from ganc.report import gallery, plot, results, scales
from ganc.report.gallery import Sample, write_samples
from ganc.runs import records

__all__ = ["Sample", "write_report", "write_samples"]

SLIDERS = 4
"""The first samples can be compared with a handle."""


def write_report(
    directory: Path,
    *,
    title: str,
    summary: Mapping[str, str],
    rows: Sequence[Mapping],
    front: Sequence[Mapping],
    candidates: Sequence[Mapping],
    chosen: str,
    samples: Sequence[Sample],
    losses: Sequence[Mapping],
    notes: Sequence[str],
    budget: int | None = None,
) -> Path:
    """Writes `report.html`; a part of which there is nothing to show is left out.

    Args:
        directory: where to write.
        title: the heading, such as the name of the experiment.
        summary: facts of the run: data, device, versions, seed, times, command.
        rows: of `results.jsonl`: `name`, `arch`, `params`, `macs` (published, true), `latency_ms`
            (p50, p95) and `metrics`, whose keys read `name[protocol]`. The row called "teacher" is
            what the others are compared with; rows without costs are shown as references.
        front: the Pareto-optimal candidates.
        candidates: all that were scored: `arch`, `macs`, `score` (lower is better), `generation`.
        chosen: the arch that was selected.
        samples: the gallery.
        losses: training scalars: `stage`, `step`, and any names.
        notes: honest remarks, shown at the end.
        budget: the MACs, published convention, that the search was held to.

    Returns:
        The path of the page.
    """
    teacher, student = results.teacher_of(rows), results.student_of(rows, chosen)
    sections = (
        _section("Teacher and student", "pictures", gallery.sliders_html(samples[:SLIDERS])),
        _section("Results", "results", results.table(rows, teacher, student)),
        _section("Search", "search", _search(candidates, front, chosen, budget, teacher)),
        _section("Samples", "samples", gallery.rows_html(samples)),
        _section("Training", "training", _training(losses)),
        _section("The run", "run", _facts(summary)),
        _section("Remarks", "remarks", _items(notes)),
    )
    template = resources.files("ganc.report").joinpath("report_pack/report.html")
    page = Template(template.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        lead=_lead(student, chosen),
        figures=results.headline(teacher, student),
        sections="\n".join(filter(None, sections)),
    )
    path = Path(directory) / "report.html"
    records.replace(path, page)
    return path


def _section(heading: str, name: str, body: str) -> str:
    return f'<section id="{name}">\n<h2>{heading}</h2>\n{body}\n</section>' if body else ""


def _lead(student: Mapping | None, chosen: str) -> str:
    """Which model the headline figures are about."""
    arch = (student or {}).get("arch") or chosen
    name = f"<b>{escape(str(student.get('name', '')))}</b>" if student else ""
    widths = f"widths <code>{results.breakable(arch)}</code>" if arch else ""
    text = ", ".join(filter(None, (name, widths)))
    return f'<p class="lead">{text}</p>' if text else ""


def _search(
    candidates: Sequence[Mapping],
    front: Sequence[Mapping],
    chosen: str,
    budget: int | None,
    teacher: Mapping | None,
) -> str:
    # Two drawings, of which the page shows one: text that is scaled with a drawing is unreadable
    # on a telephone.
    wide = plot.pareto(candidates, front, chosen, budget, width=760, height=420)
    narrow = plot.pareto(candidates, front, chosen, budget, width=370, height=340)
    if not wide:
        return ""
    count = len(plot.drawable(candidates))
    lead = f"{count:,} candidates were scored, {len(front):,} of them are Pareto-optimal."
    if count < len(candidates):
        lead += f" Not drawn: {len(candidates) - count:,} without a finite score."
    limit = '<li class="k-budget">budget</li>' if budget else ""
    legend = (
        '<ul class="legend"><li class="k-chosen">chosen</li><li class="k-front">Pareto front</li>'
        '<li class="k-candidate">candidate, stronger in later generations</li>'
        f"{limit}</ul>"
    )
    figure = (
        f'<figure class="pareto"><div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
        f"<figcaption>{legend}</figcaption></figure>"
    )
    aside = f"<div><p>{lead}</p>{_widths(candidates, chosen, teacher)}</div>"
    return f'<div class="search">{figure}{aside}</div>{_front(front, chosen)}'


def _widths(candidates: Sequence[Mapping], chosen: str, teacher: Mapping | None) -> str:
    """The chosen channels beside those of the teacher, or of the widest candidate."""
    kept, full = _slots(chosen), _slots((teacher or {}).get("arch"))
    outline = "teacher"
    if len(full) != len(kept):
        archs = [slots for c in candidates if len(slots := _slots(c.get("arch"))) == len(kept)]
        full, outline = [max(column) for column in zip(*archs, strict=True)], "widest candidate"
    if not kept or not full:
        return ""
    return (
        f'<figure class="widths">{plot.widths(kept, full)}<figcaption>Channels of each slot: '
        f"<b>chosen</b> in the outline of the {outline}.</figcaption></figure>"
    )


def _slots(arch: object) -> list[int]:
    parts = str(arch or "").split("_")
    return [int(part) for part in parts] if all(map(str.isdecimal, parts)) else []


def _front(front: Sequence[Mapping], chosen: str) -> str:
    lines = ""
    for row in sorted(plot.drawable(front), key=lambda row: row["macs"]["published"]):
        kind = ' class="student"' if str(row["arch"]) == chosen else ""
        true = row["macs"].get("true")
        lines += (
            f'<tr{kind}><th scope="row"><code>{results.breakable(row["arch"])}</code></th>'
            f"<td>{scales.si(row['macs']['published'])}</td>"
            f"<td>{scales.si(true) if scales.finite(true) else results.NONE}</td>"
            f"<td>{scales.significant(row['score'], 4)}</td></tr>\n"
        )
    if not lines:
        return ""
    head = "<th>arch</th><th>MACs<small>published</small></th><th>MACs<small>true</small></th>"
    return (
        f'<details><summary>The Pareto front as a table</summary><div class="scroll"><table>'
        f"<thead><tr>{head}<th>score ↓</th></tr></thead>\n<tbody>\n{lines}</tbody></table>"
        "</div></details>"
    )


def _training(losses: Sequence[Mapping]) -> str:
    """One small chart for each scalar of each stage."""
    stages: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in losses:
        series = stages.setdefault(str(row.get("stage", "")), {})
        for name, value in row.items():
            if scales.numeric(value) and name not in ("stage", "step"):
                series.setdefault(name, []).append((float(row.get("step", 0)), value))
    body = ""
    for stage, series in stages.items():
        charts = "".join(_chart(name, points) for name, points in series.items())
        if charts:
            last = max(step for points in series.values() for step, _ in points)
            body += f"<h3>{escape(stage)} <small>to step {last:,.0f}</small></h3>\n"
            body += f'<div class="charts">{charts}</div>\n'
    return body


def _chart(name: str, points: Sequence[tuple[float, float]]) -> str:
    drawn = [(step, value) for step, value in points if scales.finite(value)]
    lost = len(points) - len(drawn)
    warning = f' <em class="warn">{lost:,} not finite</em>' if lost else ""
    last = scales.significant(drawn[-1][1]) if drawn else results.NONE
    picture, span = "", ""
    if drawn:
        steps, values = zip(*drawn, strict=True)
        picture = plot.curve(name, steps, values)
        low, high = scales.significant(min(values)), scales.significant(max(values))
        span = f"<small>{low} to {high}</small>"
    return (
        f"<figure><figcaption><span>{results.breakable(name)}{warning}</span> <b>{last}</b>"
        f"</figcaption>{picture}{span}</figure>"
    )


def _facts(summary: Mapping[str, str]) -> str:
    lines = ""
    for key, value in summary.items():
        text = escape(str(value))
        code = key.lower() in ("command", "commit", "arch")
        kind = ' class="long"' if len(text) > 60 else ""
        lines += f"<div{kind}><dt>{escape(str(key))}</dt>"
        lines += f"<dd>{f'<code>{text}</code>' if code else text}</dd></div>\n"
    return f"<dl>{lines}</dl>" if lines else ""


def _items(notes: Sequence[str]) -> str:
    lines = "".join(f"<li>{escape(str(note))}</li>" for note in notes)
    return f"<ul>{lines}</ul>" if lines else ""
