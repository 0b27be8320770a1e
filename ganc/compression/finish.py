"""The end of a run: scores on the report split, the table, the pictures, the report."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from flax.core import FrozenDict

from ganc import channels
from ganc.compression.command import command
from ganc.compression.glance import front_points
from ganc.compression.run import Run
from ganc.data.pictures import show_size
from ganc.models import store
from ganc.models.render import compiled
from ganc.report.gallery import spread_samples, write_samples
from ganc.report.page import write_report
from ganc.runs import records
from ganc.runs.console import console
from ganc.scores.judge import Judge
from ganc.scores.row import Row, latencies, measure
from ganc.scores.table import print_table
from ganc.scores.verdict import level
from ganc.search.evolution import Candidate
from ganc.search.pareto import front
from ganc.search.search import SEARCH
from ganc.search.space import encode
from ganc.train.footprint import capacity, check_bytes, machine_memory, program_bytes
from ganc.types import Generator, Model

RESULTS, REFERENCES = "results.jsonl", "references.jsonl"

NOTES = (
    "The search saw the search split alone; every number in the table is of the report split.",
    "KID and FD here are distances on EfficientNet-Lite0 features. They are not FID, and do not "
    "compare with published FIDs.",
    "A distance between distributions alone proves no translation: read it beside L1 and SSIM to "
    "the truth, where the truth is known, and beside the copied input.",
    "One seed. Scores of GAN compression are known to move from seed to seed.",
)


def finish(
    run: Run,
    models: Mapping[str, Model],
    *,
    title: str,
    facts: Mapping[str, str],
    feature_size: int,
    candidates: Sequence[Candidate] = (),
    budget: int | None = None,
    shown: Sequence[Model] = (),
    about: Mapping[str, Mapping[str, str]] = FrozenDict(),
) -> None:
    """Scores the models on the report split and writes what a run leaves.

    Args:
        run: the run.
        models: by name; the others are compared with the one called "teacher".
        title: of the report.
        facts: what the report says of the run beside what every report says.
        feature_size: px at which Lite0 features are taken.
        candidates: all that a search scored.
        budget: multiply-adds that it was held to.
        shown: models of its front whose pictures and scores the report compares.
        about: name -> what the results say of that model beside its scores.
    """
    check_memory(run, models)
    judge = Judge.open(
        run.data, run.shape, feature_size, metrics=run.task.metrics, looks=run.work.looks
    )
    pictures = {name: run.render(model, judge.source) for name, model in models.items()}
    times = latencies(models, run.shape, repeats=50)
    rows = []
    for name, model in models.items():
        teacher = None if name == "teacher" else pictures["teacher"]
        values = judge.values(pictures[name], teacher)
        rows.append(measure(name, model, run.shape, values, times[name]))
    references = [
        Row("input copied", judge.values(judge.shown)),
        Row("real (floor)", judge.floor()),
    ]
    lines = [row.to_json() | dict(about.get(row.name, {})) for row in rows]
    records.write(run.work.path / RESULTS, lines)
    records.write(run.work.path / REFERENCES, [row.to_json() for row in references])
    for row in rows:
        _describe(run, row, models[row.name].generator, teacher=rows[0], budget=budget)
    samples = spread_samples(
        source=judge.shown,
        teacher=pictures["teacher"],
        student=pictures.get("student"),
        truth=judge.truth,
    )
    write_samples(run.work.path / "samples.png", samples)
    searched = records.read(run.work.path / SEARCH)
    best = {encode(candidate.arch) for candidate in front(candidates)}
    write_report(
        run.work.path,
        title=title,
        summary={**_facts(run), **facts, **_environment(run)},
        rows=[row.to_json() for row in (*rows, *references)],
        front=[entry for entry in searched if entry["arch"] in best],
        candidates=searched,
        chosen=rows[-1].arch or "",
        samples=samples,
        losses=records.read(run.work.metrics),
        notes=NOTES,
        budget=budget,
        verdict=_verdict(rows),
        points=front_points(shown, run, judge),
        kept=_kept(models),
    )


def _kept(models: Mapping[str, Model]) -> dict[str, tuple[int, int]]:
    """Group -> channels of student and teacher, where their groups are the same."""
    student, teacher = models.get("student"), models["teacher"]
    if student is None or student.arch is not None:  # an architecture has a drawing of its own
        return {}
    ours, theirs = (channels.read_widths(m.params, m.generator.axes) for m in (student, teacher))
    if ours.keys() != theirs.keys() or ours == theirs:
        return {}
    return {group: (ours[group], theirs[group]) for group in student.generator.widths}


def check_memory(run: Run, models: Mapping[str, Model]) -> None:
    """Prints what evaluation takes of this machine's memory, where whole pictures are held.

    Held are, of all of the report split, what generators are given, how that is shown, the real
    pictures, others, and those of each model. What draws them is counted where it is in the same
    memory.

    Raises:
        UserError: it does not fit.
    """
    deep = run.shape[2] + 3 * (3 + len(models))
    needed = 4 * len(run.data.report_a) * math.prod(run.shape[:2]) * deep
    limit = machine_memory()
    if capacity()[1]:
        one = np.zeros((1, *run.shape), np.float32)
        options = run.task.styled(1)
        programs = (compiled(m.generator).lower(m.params, one, **options) for m in models.values())
        needed += max(program_bytes(program) or 0 for program in programs)
    advice = "smaller pictures or fewer of them to report on help"
    check_bytes("evaluate", needed, limit, advice=advice)


def _describe(run: Run, row: Row, generator: Generator, teacher: Row, budget: int | None) -> None:
    """Puts what a stored model costs and scores, and whose student it is, on its card."""
    place = run.work.path / row.name
    if not (place / "model.json").exists():
        return
    line, more = row.to_json(), {}
    if row is not teacher:
        more = {"budget": budget, "teacher_sha256": teacher.params_sha256}
    scores = {"scores": line["metrics"], "intervals": line["intervals"]}
    store.describe(place, generator, **more, macs=line["macs"], **scores)


def show(run: Run) -> list[Row]:
    """Prints the table and the paths of a complete run; returns the rows of the table."""
    path = run.work.path
    lines = records.read(path / RESULTS) + records.read(path / REFERENCES)
    rows = [Row.from_json(line) for line in lines]
    print_table(rows, f"{run.data.name}, {show_size(run.shape)} px, report split")
    if verdict := _verdict(rows):
        console.print(verdict, markup=False, highlight=False, soft_wrap=True)
    left = {"report": "report.html", "student": "student", "scores": RESULTS}
    for label, name in left.items():
        if (path / name).exists():
            console.print(f"{label:<9}{path / name}", soft_wrap=True, highlight=False)
    console.print(f"looks at the report split: {len(records.read(run.work.looks))}")
    return rows


def _verdict(rows: Sequence[Row]) -> str | None:
    """Whether the student is level with its teacher, in one line; None without a student."""
    named = {row.name: row for row in rows}
    if "student" not in named:
        return None
    return str(level(named["student"], named["teacher"]))


def _facts(run: Run) -> dict[str, str]:
    data = run.data
    return {
        "command": command(),
        "data": f"{data.name}: {len(data.train_a)} and {len(data.train_b)} pictures to train on, "
        f"{len(data.search_a)} to search with, {len(data.report_a)} to report on",
        "looks at the report split": str(len(records.read(run.work.looks))),
    }


def _environment(run: Run) -> dict[str, str]:
    about, seconds = run.work.environment(), run.stage.seconds()
    versions = ("ganc", "jax", "flax")
    return {
        "seed": str(run.seed),
        "device": ", ".join(about["devices"]),
        "versions": ", ".join(f"{name} {about['packages'][name]}" for name in versions),
        "commit": about["commit"] or "unknown",
        "seconds per stage": ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()),
    }
