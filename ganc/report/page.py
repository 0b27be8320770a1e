"""The report of a finished compression: one HTML page that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ganc.report import gallery
from ganc.report.gallery import Sample, write_samples
from ganc.report.glance import FrontPoint, cards
from ganc.report.headline import headline
from ganc.report.rows import student_of, teacher_of
from ganc.report.table import table
from ganc.runs import records

__all__ = ["FrontPoint", "Sample", "write_report", "write_samples"]

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
    verdict: str | None = None,
    points: Sequence[FrontPoint] = (),
    kept: Mapping[str, tuple[int, int]] = MappingProxyType({}),
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
        verdict: one line under the headline figures, such as "level with its teacher: yes".
        points: models of the front, to be compared by their pictures.
        kept: channel group -> channels of the student and of the teacher.

    Returns:
        The path of the page.
    """
    # Drawing imports Matplotlib, which takes a second that only a finished run should spend.
    from ganc.report.search import search
    from ganc.report.training import stages
    from ganc.report.widths import widths

    teacher, student = teacher_of(rows), student_of(rows, chosen)
    page = (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            name=str((student or {}).get("name", "")),
            arch=str((student or {}).get("arch") or chosen),
            figures=headline(teacher, student),
            verdict=verdict,
            splits=[sample for sample in samples[:SLIDERS] if sample.student is not None],
            table=table(rows, teacher, student),
            search=search(candidates, front, chosen, budget, teacher),
            kept=widths(*zip(*kept.values(), strict=True), names=list(kept)) if kept else None,
            groups=list(kept),
            cards=cards(points, chosen),
            columns=gallery.columns(samples),
            samples=samples,
            stages=stages(losses),
            summary={str(key): str(value) for key, value in summary.items()},
            notes=notes,
        )
    )
    path = Path(directory) / "report.html"
    records.replace(path, page)
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ganc.report", "report_pack"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": _breakable, "data_uri": gallery.data_uri}
    environment.globals |= {"SMALL": gallery.SMALL}
    return environment


def _breakable(name: str) -> Markup:
    """An arch or a name that may wrap after each underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))
