"""OMGD in turns: the teacher trains for a while, then the student, on the best teacher so far.

Reference: Ren et al. 2021 (arXiv 2108.06908), the released code for unpaired pictures.

Differs from the reference: the best teacher has the lowest KID on the search split, not the lowest
FID on the pictures that are reported on; and all training pictures are used, where the reference
loses the last one of each folder.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganc import hosts
from ganc.compression.finish import finish, show
from ganc.compression.omgd import WIDER, distil, keep, objective
from ganc.compression.omgd_settings import ONLINE, OnlineTraining, OnlineUnpaired
from ganc.compression.run import Run, open_data
from ganc.compression.teacher import TEACHER, check_size
from ganc.data.pictures import show_size, some, stack
from ganc.errors import UserError
from ganc.features import lite0
from ganc.features.perceptual import perceptual
from ganc.methods import adversarial, omgd, omgd_step
from ganc.metrics.kernel import kernel_distance
from ganc.models import store
from ganc.runs import records
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.tasks.task import Task
from ganc.train.stage import adam, learning_rate, optimizers
from ganc.types import Generator, Model, Params

PHASES = "phases.jsonl"
"""A line for each time that the teacher was scored: its step, its scores, whether it is the best;
and one when the student had learned from it."""


def distil_unpaired(
    experiment: str,
    config: OnlineUnpaired,
    workdir: Path,
    *,
    task: Task,
    student: Generator,
    teacher: Generator,
    plain: tuple[str, ...] = (),
) -> list[Row]:
    """Runs the phases that are not complete yet; returns the rows of the final table.

    Stepwise or from a given teacher it is `ganc.compression.omgd.distil`, of this one teacher.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to compress.
        workdir: of the run.
        task: what is translated; its game trains the teacher.
        student: what is kept.
        teacher: the wider network.
        plain: see `ChannelDistil`.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    if config.scheme != "staged" or config.teacher != ONLINE:
        return distil(
            experiment,
            config,
            workdir,
            task=task,
            student=student,
            teachers={WIDER: teacher},
            games={WIDER: task.play(teacher)},
            plain=plain,
        )
    if config.phase < 1 or config.lessons < 1:
        raise UserError(
            f"--phase and --lessons must be at least 1, got {config.phase} and {config.lessons}"
        )
    if config.space:
        raise UserError("a supernet learns with --scheme stepwise or from a given --teacher")
    shape = (*config.sides, student.channels_in)
    data = open_data(config, task)
    check_size("the student", student, shape, data)
    check_size("the wider teacher", teacher, shape, data)
    features = perceptual(config.features, scaling=config.scaling)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("student"):
        method = objective(config, task, student, {WIDER: teacher}, features, {}, plain)
        train_teacher = _teacher(run, config, teacher)
        train_student = _student(run, method, config)
        score = _scorer(run, config, teacher)
        steps = config.training.steps
        count = -(-steps // config.phase)
        for phase in range(count):
            if _find(run, phase, "taught"):
                continue
            until = min((phase + 1) * config.phase, steps)
            generators = train_teacher(until)
            if not _find(run, phase, "scores"):
                _elect(run, config, phase, Model(teacher, generators["ab"]), score(generators))
            console.print(f"phase {phase + 1} of {count}: the teacher is that of {_best(run)}")
            small = train_student(store.load(run.work.path / TEACHER, teacher).params, phase)
            if phase + 1 == count:
                keep(run, {"student": small}, features)
            records.append(run.work.path / PHASES, {"phase": phase, "taught": True})

    with run.stage("evaluate"):
        models = {
            name: store.load(run.work.path / name, generator)
            for name, generator in ((TEACHER, teacher), ("student", student))
        }
        finish(
            run,
            models,
            about={"student": {"features": features.name}},
            title=f"Distillation in turns: {data.name} at {show_size(run.shape)} px",
            facts={
                "teacher": f"trained meanwhile, {count} phases; that of {_best(run)}",
                "features that tell pictures apart": features.name,
            },
            feature_size=config.feature_size,
        )
    return show(run)


def student_rate(config: OnlineUnpaired) -> Callable[[Any], Any]:
    """The student's learning rate in its step: that of the teacher at the end of the phase."""
    stage, length = config.training, config.phase * config.lessons
    rate = learning_rate(stage, stage.hold)

    def schedule(count: Any) -> Any:
        end = (count // length + 1) * config.phase
        return rate(jax.numpy.minimum(end, stage.steps) - 1)

    return schedule


def _teacher(run: Run, config: OnlineUnpaired, generator: Generator) -> Callable[[int], Params]:
    """`train(until) -> {"ab": ..., "ba": ...}`, compiled once for all phases."""
    state, step = adversarial.begin_game(
        run.task.play(generator),
        jax.random.key(config.seed, impl="rbg"),
        optimizers(config.training, hold=config.training.hold),
        run.window,
    )

    def train(until: int) -> Params:
        now = run.train(
            TEACHER, lambda place: step, state, config.training, config.seed, until=until
        )
        return jax.device_get(now.params["generator"])

    return train


def _student(run: Run, method: omgd.Omgd, config: OnlineUnpaired) -> Callable[[Params, int], Model]:
    """`train(teacher, phase) -> Model`, compiled once for all phases."""
    stage: OnlineTraining = config.training
    trained = {"generator": adam(stage, rate=student_rate(config))}
    k_init = jax.random.key(config.seed + 1, impl="rbg")
    state = omgd.init(method, k_init, trained, run.window, average=stage.average)
    parts = omgd_step.compiled(omgd_step.make_parts(method, trained, average=stage.average))
    length = config.phase * config.lessons
    count = -(-stage.steps // config.phase)
    whole = dataclasses.replace(stage, constant_steps=count * length, decay_steps=0)

    def train(teacher: Params, phase: int) -> Model:
        def make_step(place):
            frozen = place(omgd.freeze(method, {WIDER: teacher}))
            return omgd_step.make_step(method, parts, frozen, jax.random.key(config.seed + 2))

        until = (phase + 1) * length
        now = run.train("student", make_step, state, whole, config.seed + 1, until=until)
        return omgd.student_of(method, jax.device_get(now))

    return train


def _scorer(
    run: Run, config: OnlineUnpaired, generator: Generator
) -> Callable[[Params], dict[str, float]]:
    """`score(generators) -> direction -> kid` on the search split; both only where it matters."""
    weights, size = lite0.load(), run.shape[:2]
    sets = {
        "a": stack(some(run.data.search_a, config.pictures), size),
        "b": stack(some(run.data.search_b, config.pictures), size),
    }
    directions = {"forward": ("ab",), "either": ("ab", "ba"), "latest": ()}[config.best]

    def score(generators: Params) -> dict[str, float]:
        found = {}
        for direction in directions:
            source, real = (sets[domain] for domain in direction)
            fake = run.render(Model(generator, generators[direction]), source)
            extract = [lite0.extract(weights, x) for x in (fake, real)]
            kid = np.array([kernel_distance(*extract)])
            found[direction] = float(hosts.first(kid)[0])  # one opinion for all
        return found

    return score


def _elect(
    run: Run, config: OnlineUnpaired, phase: int, model: Model, scores: dict[str, float]
) -> None:
    """Keeps the teacher of this phase if it is the best; a repetition comes to the same."""
    before = [row["scores"] for row in records.read(run.work.path / PHASES) if "scores" in row]
    best = not before or not scores
    for direction, score in scores.items():
        best = best or score < min(earlier[direction] for earlier in before)
    if best:
        about = {"data": run.data.name, "size": run.shape[0], "phase": phase, "seed": run.seed}
        store.save(run.work.path / TEACHER, model, about)
    row = {"phase": phase, "scores": scores, "best": best}
    records.append(run.work.path / PHASES, row)


def _find(run: Run, phase: int, key: str) -> bool:
    rows = records.read(run.work.path / PHASES)
    return any(row["phase"] == phase and key in row for row in rows)


def _best(run: Run) -> str:
    rows = [row for row in records.read(run.work.path / PHASES) if row.get("best")]
    scores = ", ".join(f"{name} {kid:.4f}" for name, kid in rows[-1]["scores"].items())
    return f"phase {rows[-1]['phase'] + 1}" + (f" (kid {scores})" if scores else "")
