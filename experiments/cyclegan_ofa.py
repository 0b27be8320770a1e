"""Compresses a CycleGAN generator by once-for-all distillation and evolutionary search.

    python -m experiments.cyclegan_ofa

With no flag: the teacher that ships with the package, on the Earth pack at 64 px, in a few minutes
on two cores. Give the same command again to resume a run that was interrupted.
`experiments/README.md` holds the measured rows.

Reference: Li et al. 2020 (arXiv 2003.08936), the "Fast GAN Compression" pipeline.
"""

import dataclasses
import json
import shlex
import sys
from importlib import resources
from pathlib import Path

import jax
import numpy as np

from experiments import _ofa, cyclegan_teacher
from experiments._launch import launch
from experiments._ofa import Training
from experiments._presets import PRESETS, Config
from ganc.data.batches import Unpaired
from ganc.data.dataset import Dataset, open_dataset
from ganc.data.pictures import stack
from ganc.errors import UserError
from ganc.export.torch import load as load_checkpoint
from ganc.features import lite0
from ganc.methods import once_for_all as ofa
from ganc.models import resnet, store
from ganc.models.discriminators import PatchSpec, patch
from ganc.models.render import render
from ganc.report.gallery import spread_samples, write_samples
from ganc.report.page import write_report
from ganc.runs import records
from ganc.runs.clock import Clock
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.judge import Judge
from ganc.scores.row import Row, latencies, measure
from ganc.scores.table import print_table
from ganc.search.evolution import Candidate
from ganc.search.fitness import make_score
from ganc.search.pareto import front
from ganc.search.space import encode
from ganc.types import Arch, Generator, Model, Params


def run(config: Config, workdir: Path) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table."""
    student = resnet.generator(resnet.Spec(config.ngf, config.blocks, separable=True))
    space = _ofa.make_space(config.space, student)
    _ofa.check_space(space, student, config.size, config.search)
    data = open_dataset(config.data, config.size, skip_bad=config.skip_bad)
    for path in data.skipped:
        console.print(f"[yellow]skipped, cannot be decoded: {path}[/]", soft_wrap=True)
    given = None if config.teacher == "train" else load_teacher(config.teacher, data, config.size)
    work = Workdir(workdir, "cyclegan_ofa", config)
    clock = Clock(work)
    if "evaluate" in work.stages():
        return finished(config, data, work)

    with clock("teacher"):
        if given is None:
            asked = dataclasses.replace(
                config.train_teacher,
                **{name: getattr(config, name) for name in ("data", "size", "seed", "skip_bad")},
            )
            given = cyclegan_teacher.train(asked, data, work)
        teacher, teacher_params = given
        keep(work.path / "teacher", teacher, teacher_params, None, data)

    method = ofa.OnceForAll(
        student,
        teacher,
        patch(PatchSpec(config.ndf)),
        reconstruction=config.reconstruction,
        distillation=config.distillation,
    )
    with clock("supernet"):
        optimizer = _ofa.make_optimizer(config.supernet)
        state = _ofa.train(
            method,
            # rbg: the default generator takes eight seconds longer to compile, one layer at a time.
            ofa.init(method, jax.random.key(config.seed, impl="rbg"), optimizer),
            teacher_params,
            batches(data, config.supernet, config.seed),
            _ofa.training_classes(space, student, config.size, config.supernet, config.seed),
            config.supernet,
            optimizer,
            work,
            "supernet",
            config.seed,
        )

    with clock("search"):
        supernet = state.params["generator"]["student"]
        candidates = find(config, data, work, space, student, supernet, teacher, teacher_params)
        arch = min(candidates, key=lambda c: (c.score, c.macs)).arch

    with clock("specialise"):
        few = stack(_some(data.search_a, 4), config.size)
        gap = _ofa.masked_minus_sliced(student, supernet, space, arch, few)
        console.print(f"student {encode(arch)}: masked and sliced differ by at most {gap:.1e}")
        if gap > 1e-3:
            raise RuntimeError(f"the sliced student differs from the masked one by {gap}")
        if config.fine_tune.steps:
            optimizer = _ofa.make_optimizer(config.fine_tune)
            state = _ofa.train(
                method,
                ofa.restart(jax.tree.map(np.asarray, state.params), optimizer),
                teacher_params,
                batches(data, config.fine_tune, config.seed + 1),
                ofa.only(space, arch),
                config.fine_tune,
                optimizer,
                work,
                "fine_tune",
                config.seed,
            )
        small = jax.device_get(ofa.finalize(method, state, space, arch).params)
        keep(work.path / "student", student, small, arch, data)

    models: dict[str, Model] = {
        "teacher": Model(teacher, teacher_params),
        "student": Model(student, small, arch),
    }
    with clock("evaluate"):
        evaluate(config, data, work, clock, models, candidates)
    return finished(config, data, work)


def load_teacher(name: str, data: Dataset, size: int) -> tuple[Generator, Params]:
    """The shipped teacher, or that of a PyTorch checkpoint, a model directory or an earlier run."""
    if name == "shipped":
        generator, params = _shipped_teacher(data)
    elif (path := Path(name).expanduser()).is_file():
        found = load_checkpoint(path)
        generator, params = found.generator, found.params
    else:
        generator, params, _ = store.load(
            path if (path / "model.json").exists() else path / "teacher"
        )
    if generator.channels_in != 3:
        raise UserError(f"the teacher {name} takes {generator.channels_in} channels, no pictures")
    if size % generator.divisor or size < generator.minimum:
        raise UserError(
            f"the teacher {name} takes pictures whose sides are multiples of {generator.divisor} "
            f"and at least {generator.minimum}, --size is {size}"
        )
    return generator, params


def _shipped_teacher(data: Dataset) -> tuple[Generator, Params]:
    with resources.as_file(resources.files("ganc.models") / "teacher_pack") as path:
        stored, about = store.load(path), store.read_about(path)
    if about["data"] != data.name:
        raise UserError(
            f"the shipped teacher translates {about['data']}, not {data.name}; "
            "give --teacher train, or --teacher with a model directory or a PyTorch checkpoint"
        )
    return stored.generator, stored.params


def keep(path: Path, generator: Generator, params: Params, arch: Arch | None, data: Dataset):
    """Stores a model of the run, for `python -m ganc.translate` and for later runs."""
    about = {"data": data.name}
    store.save(path, Model(generator, params, arch), about)


def batches(data: Dataset, training: Training, seed: int) -> Unpaired:
    """The batches of a training stage."""
    return Unpaired(
        data.train_a, data.train_b, training.batch, data.load, data.crop, data.flip, seed
    )


def find(config, data, work, space, student, supernet, teacher, teacher_params) -> list[Candidate]:
    """Searches the space on the search split."""
    settings = config.search
    source = stack(_some(data.search_a, settings.pictures), config.size)
    weights = lite0.load()
    score = make_score(
        settings.fitness,
        extract=lambda x: lite0.extract(weights, x, size=settings.feature_size),
        real=stack(_some(data.search_b, settings.pictures), config.size),
        teacher=render(Model(teacher, teacher_params), source),
    )
    return _ofa.search(space, student, supernet, source, score, settings, work, config.seed)


def _some(pictures, count: int) -> list[np.ndarray]:
    """At most `count` pictures, evenly spread; the same places in aligned domains."""
    places = np.linspace(0, len(pictures) - 1, num=min(count, len(pictures)))
    return [pictures[int(i)] for i in places.round()]


def evaluate(
    config: Config,
    data: Dataset,
    work: Workdir,
    clock: Clock,
    models: dict[str, Model],
    candidates: list[Candidate],
) -> None:
    """Scores teacher and student on the report split and writes what the run leaves."""
    shape = (config.size, config.size, 3)
    judge = Judge.open(data, shape, config.feature_size, looks=work.looks)
    pictures = {name: render(model, judge.source) for name, model in models.items()}
    times = latencies(models, shape, repeats=50)
    rows = [
        measure(
            name,
            model,
            shape,
            judge.values(pictures[name], None if name == "teacher" else pictures["teacher"]),
            times[name],
        ).to_json()
        for name, model in models.items()
    ]
    references = [
        Row("input copied", judge.values(judge.source)).to_json(),
        Row("real (floor)", judge.floor()).to_json(),
    ]
    records.write(work.path / "results.jsonl", rows)
    records.write(work.path / "references.jsonl", references)
    gallery = spread_samples(
        source=judge.source,
        teacher=pictures["teacher"],
        student=pictures["student"],
        truth=judge.truth,
    )
    write_samples(work.path / "samples.png", gallery)
    searched = records.read(work.path / "search.jsonl")
    best = {encode(c.arch) for c in front(candidates)}
    write_report(
        work.path,
        title=f"Once-for-all compression: {data.name} at {config.size} px",
        summary=summary(config, data, work, clock),
        rows=[*rows, *references],
        front=[entry for entry in searched if entry["arch"] in best],
        candidates=searched,
        chosen=rows[-1]["arch"],
        samples=gallery,
        losses=records.read(work.metrics),
        notes=NOTES,
        budget=int(config.search.budget),
    )


NOTES = (
    "The search saw the search split alone; every number in the table is of the report split.",
    "KID and FD here are distances on EfficientNet-Lite0 features. They are not FID, and do not "
    "compare with published FIDs.",
    "A distance between distributions alone proves no translation: read it beside L1 and SSIM to "
    "the truth, where the truth is known, and beside the copied input.",
    "One seed. Scores of GAN compression are known to move from seed to seed.",
)


def summary(config: Config, data: Dataset, work: Workdir, clock: Clock) -> dict[str, str]:
    """The facts of the run for the report."""
    about = json.loads((work.path / "config.json").read_text())["environment"]
    versions = ("ganc", "jax", "flax")
    return {
        "command": shlex.join(["python", "-m", "experiments.cyclegan_ofa", *sys.argv[1:]]),
        "data": f"{data.name}: {len(data.train_a)} and {len(data.train_b)} pictures to train on, "
        f"{len(data.search_a)} to search with, {len(data.report_a)} to report on",
        "teacher": config.teacher,
        "looks at the report split": str(len(records.read(work.looks))),
        "search": f"{config.search.strategy} by {config.search.fitness}",
        "seed": str(config.seed),
        "device": ", ".join(about["devices"]),
        "versions": ", ".join(f"{name} {about['packages'][name]}" for name in versions),
        "commit": about["commit"] or "unknown",
        "seconds per stage": ", ".join(f"{k} {v:.0f}" for k, v in clock.seconds().items()),
    }


def finished(config: Config, data: Dataset, work: Workdir) -> list[Row]:
    """Prints the table and the paths of a complete run; returns the rows of the table."""
    known = records.read(work.path / "results.jsonl") + records.read(work.path / "references.jsonl")
    rows = [Row.from_json(row) for row in known]
    print_table(rows, f"{data.name}, {config.size} px, report split")
    for label, name in {
        "report": "report.html",
        "student": "student",
        "scores": "results.jsonl",
    }.items():
        console.print(f"{label:<9}{work.path / name}", soft_wrap=True, highlight=False)
    console.print(f"looks at the report split: {len(records.read(work.looks))}")
    return rows


if __name__ == "__main__":
    launch("cyclegan_ofa", PRESETS, run)
