"""Online multi-granularity distillation on any task: student and teachers at once, then the report.

Reference: Ren et al. 2021 (arXiv 2108.06908).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from ganc.compress.finish import finish, show
from ganc.compress.glance import cut_front
from ganc.compress.matching import match_taps
from ganc.compress.omgd_settings import ONLINE, Online
from ganc.compress.run import Run, open_data
from ganc.compress.teacher import TEACHER, load_teacher
from ganc.data.dataset import Dataset
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.features.perceptual import Perceptual, perceptual
from ganc.losses.channel_distillation import ChannelDistil
from ganc.methods import omgd, omgd_step
from ganc.methods.update import Optimizers
from ganc.models import store
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.search.pareto import ranked
from ganc.search.plan import training_classes
from ganc.search.search import check_search
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Game, Task
from ganc.train.stage import adam
from ganc.types import Generator, Model, TrainState

WIDER, DEEPER = "wider", "deeper"
_PLACES = {WIDER: TEACHER, DEEPER: f"{TEACHER}_deeper"}
"""Teacher -> the model directory that keeps it, and the name of its row."""


def distil(
    experiment: str,
    config: Online,
    workdir: Path,
    *,
    task: Task,
    student: Generator,
    teachers: Mapping[str, Generator],
    games: Mapping[str, Game],
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to compress.
        workdir: of the run.
        task: what is translated.
        student: what is kept.
        teachers: `WIDER` and perhaps `DEEPER`, for `config.teacher` "online".
        games: how each is trained, all before the discriminator of `task`.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    shape = (config.size, config.size, student.channels_in)
    data = open_data(config.data, (config.size, config.size), task, skip_bad=config.skip_bad)
    given = given_teachers(config.teacher, task, data, shape)
    if given:
        teachers, games = {name: model.generator for name, model in given.items()}, {}
    check_size(shape, [student, *teachers.values()])
    features = perceptual(config.features, scaling=config.scaling)
    supernet = None
    if config.space:
        supernet = Supernet(student, parse_space(config.space, student), shape)
        check_search(supernet, config.search)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("student"):
        method = objective(config, task, student, teachers, features, games)
        state = _train(run, method, config, given, supernet)
        models = given or omgd.teachers_of(method, state)
        models = {_PLACES[name]: model for name, model in models.items()}
        models["student"] = omgd.student_of(method, state)
        if games:
            judge = state.params["discriminator"]["b"]
            path = run.work.path / "discriminator"
            store.save_discriminator(path, task.discriminator, judge, {"data": data.name})

    about_search: dict[str, Any] = {}
    if supernet is not None:
        with run.stage("search"):
            params = models["student"].params
            candidates = run.search(supernet, params, models[TEACHER], config.search)
            arch = ranked(candidates)[0].arch
            run.check_cut(supernet, params, arch)
            models["student"] = run.recalibrated(supernet.cut(params, arch))
        about_search = {
            "candidates": candidates,
            "budget": int(config.search.budget),
            "shown": cut_front(run, supernet, params, candidates, config.front),
        }

    with run.stage("evaluate"):
        keep(run, models, features)
        finish(
            run,
            models,
            title=f"Online distillation: {data.name} at {show_size(run.shape)} px",
            facts={
                "teachers": f"{', '.join(teachers)}; {config.teacher}",
                "features that tell pictures apart": features.name,
            },
            feature_size=config.feature_size,
            **about_search,
        )
    return show(run)


def objective(
    config: Online,
    task: Task,
    student: Generator,
    teachers: Mapping[str, Generator],
    features: Perceptual,
    games: Mapping[str, Game],
) -> omgd.Omgd:
    """The objective that `config` asks for."""
    first = next(iter(teachers.values()))
    match = match_taps(config.channels, student, first)
    channels = ChannelDistil(config.channels, config.over_taps, match)
    return omgd.Omgd(task, student, teachers, features, config.imitation, channels, games)


def keep(run: Run, models: Mapping[str, Model], features: Perceptual) -> None:
    """Stores the models by name, for `python -m ganc.translate` and for later runs."""
    for name, model in models.items():
        by = {"features": features.name} if name == "student" else {}
        run.save(name, model, size=run.shape[0], seed=run.seed, **by)


def given_teachers(
    name: str, task: Task, data: Dataset, shape: tuple[int, int, int]
) -> dict[str, Model]:
    """The frozen teachers that `name` stands for, by role; none if they learn meanwhile.

    Raises:
        UserError: see `load_teacher`.
    """
    if name == ONLINE:
        return {}
    found = {WIDER: load_teacher(name, task, data, shape)}
    path = Path(name).expanduser() / _PLACES[DEEPER]
    if (path / "model.json").exists():
        found[DEEPER] = load_teacher(str(path), task, data, shape)
    return found


def check_size(shape: tuple[int, int, int], generators: list[Generator]) -> None:
    """Refuses pictures that a network cannot take.

    Raises:
        UserError: naming what the sides must be.
    """
    divisor = max(generator.divisor for generator in generators)
    minimum = max(generator.minimum for generator in generators)
    if shape[0] % divisor or shape[0] < minimum:
        raise UserError(
            f"the sides of pictures must be multiples of {divisor} and at least {minimum} for "
            f"these networks, --size is {shape[0]}"
        )


def optimizers_of(method: omgd.Omgd, config: Online) -> Optimizers:
    """Adam for every role, at the rate of the step that it takes part in."""
    stage = config.training
    teachers = adam(stage, hold=stage.hold, every=stage.every)
    found = dict.fromkeys(method.roles, teachers)
    return found | {"generator": adam(stage, hold=stage.hold)}


def _train(
    run: Run,
    method: omgd.Omgd,
    config: Online,
    given: Mapping[str, Model],
    supernet: Supernet | None,
) -> TrainState:
    stage, optimizers = config.training, optimizers_of(method, config)
    # rbg: the default generator takes seconds longer to compile, one layer at a time.
    k_init = jax.random.key(config.seed, impl="rbg")
    state = omgd.init(method, k_init, optimizers, run.shape, average=stage.average)
    parts = omgd_step.compiled(omgd_step.make_parts(method, optimizers, average=stage.average))
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
