"""GAN Compression, the Fast pipeline, on any task: teacher, supernet, search, specialise, report.

Reference: Li et al. 2020 (arXiv 2003.08936).
"""

import dataclasses
from pathlib import Path

import jax

from ganc.compress.finish import finish, show
from ganc.compress.glance import cut_front
from ganc.compress.matching import match_taps
from ganc.compress.run import Run, open_data
from ganc.compress.settings import Compression
from ganc.compress.specialise import Student
from ganc.compress.teacher import load_teacher
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods.inherit import inherit
from ganc.methods.update import generators_of
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.search.plan import training_classes
from ganc.search.search import check_search
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Task
from ganc.train.stage import optimizers
from ganc.types import Generator, Model, Params

FEATURES = Distil()
"""How features are distilled where a task's publication says nothing else."""


def compress(
    experiment: str,
    config: Compression,
    workdir: Path,
    *,
    task: Task,
    student: Generator,
    teacher: Generator,
    distil: Distil = FEATURES,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to compress.
        workdir: of the run.
        task: what is translated.
        student: the supernet, at full width.
        teacher: the network that is trained where `config` has no teacher, or whose weights it
            names where the network is one's own.
        distil: how features are distilled; `config` has its weight.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    if config.shortlist < 1:
        raise UserError(f"--shortlist takes 1 or more, got {config.shortlist}")
    shape = (*config.sides, student.channels_in)
    supernet = Supernet(student, parse_space(config.arch or config.space, student), shape)
    if not config.arch:
        check_search(supernet, config.search)
    data = open_data(config.data, config.sides, task, skip_bad=config.skip_bad)
    given = None
    if config.teacher != "train":
        given = load_teacher(config.teacher, task, data, shape, teacher)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, teacher)
    weight = config.distillation
    match = match_taps(weight, student, big.generator)
    distil = dataclasses.replace(distil, weight=weight, match=match)
    method = ofa.OnceForAll(task, student, big.generator, distil)
    players = Student(run, method, supernet, big)

    with run.stage("supernet"):
        stage = config.supernet
        # rbg: the default generator takes eight seconds longer to compile, one layer at a time.
        key = jax.random.key(config.seed, impl="rbg")
        start = _start(student, big) if config.inherit else {}
        state = ofa.init(method, key, optimizers(stage), average=stage.average, start=start)
        classes = training_classes(supernet, stage.pictures, config.seed)
        state = players.train("supernet", state, classes, stage, config.seed)
        params = generators_of(state)["student"]

    with run.stage("search"):
        candidates, arch = [], supernet.space.largest
        if not config.arch:
            run.save("supernet", Model(student, params))
            candidates = run.search(supernet, params, big, config.search)
            arch = players.choose(state, candidates, config)

    with run.stage("specialise"):
        run.check_cut(supernet, params, arch)
        state = players.fine_tune("fine_tune", state, arch, config.fine_tune)
        small = players.finalize(state, arch)
        run.save("student", small)

    with run.stage("evaluate"):
        finish(
            run,
            {"teacher": big, "student": small},
            title=f"Once-for-all compression: {data.name} at {show_size(run.shape)} px",
            facts={
                "teacher": config.teacher,
                "search": "none: the architecture was given"
                if config.arch
                else f"{config.search.strategy} by {config.search.fitness}",
            },
            feature_size=config.feature_size,
            candidates=candidates,
            budget=None if config.arch else int(config.search.budget),
            shown=cut_front(run, supernet, params, candidates, config.front),
        )
    return show(run)


def _start(student: Generator, teacher: Model) -> Params:
    start = inherit(student, teacher)
    console.print(
        f"the student starts from its teacher's {', '.join(sorted(start))}"
        if start
        else "the student starts from random weights: it has no layer of its teacher's",
        soft_wrap=True,
    )
    return start
