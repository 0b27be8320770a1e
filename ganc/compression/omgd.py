"""Online multi-granularity distillation on any task: student and teachers at once, then the report.

Reference: Ren et al. 2021 (arXiv 2108.06908).
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from flax.core import FrozenDict

from ganc.compression.finish import finish, show
from ganc.compression.glance import cut_front
from ganc.compression.matching import match_taps
from ganc.compression.omgd_settings import ONLINE, Online
from ganc.compression.plan import budgeted
from ganc.compression.run import Run, open_data
from ganc.compression.teacher import TEACHER, check_size, load_teacher
from ganc.data.dataset import Dataset
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.features.perceptual import Perceptual, perceptual
from ganc.losses.channel_distillation import ChannelDistil
from ganc.methods import omgd, omgd_step
from ganc.methods.update import Optimizers
from ganc.metrics import cost
from ganc.models import store
from ganc.models.families import fold
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.search.pareto import ranked
from ganc.search.plan import training_classes
from ganc.search.search import check_search
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Game, Task
from ganc.train.stage import adam, optimizers
from ganc.types import Generator, Model, Params, TrainState

WIDER, DEEPER = "wider", "deeper"
_SECOND = f"{TEACHER}_{DEEPER}"
"""The model directory and the row of a deeper teacher beside a wider one; the first of the
teachers, or the only one, is called `TEACHER`."""


def distil(
    experiment: str,
    config: Online,
    workdir: Path,
    *,
    task: Task,
    student: Generator,
    teachers: Mapping[str, Generator],
    games: Mapping[str, Game],
    plain: tuple[str, ...] = (),
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to compress.
        workdir: of the run.
        task: what is translated.
        student: what is kept.
        teachers: `WIDER`, `DEEPER` or both, in this order, for `config.teacher` "online"; or those
            whose weights it names, where the networks are one's own.
        games: how each is trained, all before the discriminator of `task`.
        plain: see `ChannelDistil`.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    shape = (*config.sides, student.channels_in)
    data = open_data(config, task)
    given = given_teachers(config.teacher, task, data, shape, teachers)
    if given:
        teachers, games = {name: model.generator for name, model in given.items()}, {}
    if not teachers:
        raise UserError("there is no teacher: both --wider and --deeper are 0")
    check_size("the student", student, shape, data)
    for name, generator in teachers.items():
        check_size(f"the {name} teacher", generator, shape, data)
    features = perceptual(config.features, scaling=config.scaling)
    supernet = None
    if config.budget and not config.space:
        raise UserError("--budget is for a search in a --space; without one --ngf says the size")
    if config.space:
        first = next(iter(teachers.values()))
        whole = int(cost.macs(first, *shape[:2])(first.widths))
        search = budgeted(config.search, config.budget, whole)
        config = dataclasses.replace(config, search=search)
        supernet = Supernet(student, parse_space(config.space, student), shape)
        check_search(supernet, config.search)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("student"):
        method = objective(config, task, student, teachers, features, games, plain)
        state = _train(run, method, config, given, supernet)
        taught = (given or omgd.teachers_of(method, state)).values()
        models = {
            name: fold(model) for name, model in zip((TEACHER, _SECOND), taught, strict=False)
        }
        models["student"] = omgd.student_of(method, state)
        if games:
            judge = state.params["discriminator"]["b"]
            path = run.work.path / "discriminator"
            store.save_discriminator(path, task.discriminator, judge, {"data": data.name})

    found: dict[str, Any] = {}
    if supernet is not None:
        params = models["student"].params
        models["student"], found = _search(run, config, supernet, params, models[TEACHER])

    with run.stage("evaluate"):
        keep(run, models, features)
        finish(
            run,
            models,
            about={"student": {"features": features.name}},
            title=f"Online distillation: {data.name} at {show_size(run.shape)} px",
            facts={
                "teachers": f"{', '.join(teachers)}; {config.teacher}",
                "features that tell pictures apart": features.name,
            },
            feature_size=config.feature_size,
            **found,
        )
    return show(run)


def _search(
    run: Run, config: Online, supernet: Supernet, params: Params, teacher: Model
) -> tuple[Model, dict[str, Any]]:
    """The best subnet within the budget, and what `finish` takes of a search."""
    with run.stage("search"):
        candidates = run.search(supernet, params, teacher, config.search)
        arch = ranked(candidates)[0].arch
        run.check_cut(supernet, params, arch)
        student = run.recalibrated(supernet.cut(params, arch))
    shown = cut_front(run, supernet, params, candidates, config.front)
    budget = int(config.search.budget)
    return student, {"candidates": candidates, "budget": budget, "shown": shown}


def objective(
    config: Online,
    task: Task,
    student: Generator,
    teachers: Mapping[str, Generator],
    features: Perceptual,
    games: Mapping[str, Game],
    plain: tuple[str, ...] = (),
) -> omgd.Omgd:
    """The objective that `config` asks for.

    Channels are those of the wider teacher, or of one that was given; a deeper one beside it, or in
    its place, teaches by its pictures alone, as published.
    """
    first, generator = next(iter(teachers.items()))
    weight = config.channels if first == WIDER else 0.0
    match = match_taps(weight, student, generator)
    channels = ChannelDistil(weight, config.over_taps, match, plain)
    return omgd.Omgd(task, student, teachers, features, config.imitation, channels, games)


def keep(run: Run, models: Mapping[str, Model], features: Perceptual) -> None:
    """Stores the models by name, for `python -m ganc.translate` and for later runs."""
    for name, model in models.items():
        by = {"features": features.name} if name == "student" else {}
        run.save(name, model, size=run.shape[0], seed=run.seed, **by)


def given_teachers(
    name: str,
    task: Task,
    data: Dataset,
    shape: tuple[int, int, int],
    own: Mapping[str, Generator] = FrozenDict(),
) -> dict[str, Model]:
    """The frozen teachers that `name` stands for, by role; none if they learn meanwhile.

    `own` are their generators by role, where the networks are one's own.

    Raises:
        UserError: see `load_teacher`.
    """
    if name == ONLINE:
        return {}
    found = {WIDER: load_teacher(name, task, data, shape, own.get(WIDER))}
    path = Path(name).expanduser() / _SECOND
    if (path / "model.json").exists():
        found[DEEPER] = load_teacher(str(path), task, data, shape, own.get(DEEPER))
    return found


def optimizers_of(method: omgd.Omgd, config: Online) -> Optimizers:
    """Adam for every role, at the rate of the step that it takes part in."""
    stage = config.training
    players = optimizers(stage, hold=stage.hold, every=stage.every)
    found = {"generator": adam(stage, hold=stage.hold), "teacher": players["generator"]}
    found["discriminator"] = players["discriminator"]
    return {role: found[role] for role in method.roles}


def _train(
    run: Run,
    method: omgd.Omgd,
    config: Online,
    given: Mapping[str, Model],
    supernet: Supernet | None,
) -> TrainState:
    stage, trained = config.training, optimizers_of(method, config)
    # rbg: the default generator takes seconds longer to compile, one layer at a time.
    k_init = jax.random.key(config.seed, impl="rbg")
    state = omgd.init(method, k_init, trained, run.window, average=stage.average)
    parts = omgd_step.compiled(omgd_step.make_parts(method, trained, average=stage.average))
    frozen = omgd.freeze(method, {name: model.params for name, model in given.items()})

    classes = None
    if supernet is not None:
        classes = training_classes(supernet, stage.pictures, config.seed)

    def make_step(place):
        k_train = jax.random.key(config.seed + 1)
        return omgd_step.make_step(
            method,
            parts,
            place(frozen),
            k_train,
            every=stage.every,
            classes=classes,
            seed=config.seed,
        )

    return run.train("offline" if given else ONLINE, make_step, state, stage, config.seed)
