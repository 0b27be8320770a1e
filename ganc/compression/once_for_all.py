"""GAN Compression on any task, by either pipeline.

The fast one: teacher, supernet, search, student, report. The original one has a mobile teacher and
trains the student alone before it becomes the supernet (`ganc/compression/pre_distillation.py`).

Reference: Li et al. 2020 (arXiv 2003.08936).
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from ganc.compression.alone import check_alone, describe, learn_alone, match_compute
from ganc.compression.finish import finish, show
from ganc.compression.glance import cut_front
from ganc.compression.matching import match_taps
from ganc.compression.plan import settle
from ganc.compression.pre_distillation import check_teacher, keep_judge, pre_distil
from ganc.compression.run import Run, open_data
from ganc.compression.settings import Compression, Teaching
from ganc.compression.specialise import Student
from ganc.compression.stages import parse_stages, prepare
from ganc.compression.teacher import check_size, load_teacher
from ganc.data.pictures import show_size
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods.inherit import inherit, rank_everywhere
from ganc.methods.update import generators_of
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.search.plan import training_classes
from ganc.search.search import price_of
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Task
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
    """Runs the stages that are asked for and not complete yet.

    Returns: the rows of the final table; none where the last stage is still to come.

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
    parse_stages(config.stages, config.pipeline)
    check_alone(config)
    shape = (*config.sides, student.channels_in)
    supernet = Supernet(student, parse_space(config.arch or config.space, student), shape)
    data = open_data(config, task)
    given = None
    if config.teacher != "train":
        given = load_teacher(config.teacher, task, data, shape, teacher)
    trained = given.generator if given else teacher
    check_size("the student", student, shape, data)
    check_size("the teacher", trained, shape, data)
    if config.pipeline == "original":
        check_teacher(config, task, student, trained)
    config, teaching = match_compute(config, task, data, supernet, trained)
    config = settle(config, supernet, trained, data)
    # Which stages are run now decides nothing of what they compute.
    asked = dataclasses.replace(config, stages="")
    run = Run(Workdir(workdir, experiment, asked), data, task, shape, config.seed)
    if run.complete:
        return show(run)
    last = prepare(run.work, config)
    if not config.arch:
        price_of(supernet, config.search, run.work.path)  # a budget that nothing fits ends it here
    if config.pipeline == "scratch":
        stages = _alone(run, config, supernet, given, teacher, teaching)
    else:
        stages = _stages(run, config, supernet, given, teacher, distil)
    for stage in stages:
        if stage == last:
            break
    if run.complete:
        return show(run)
    console.print(f"complete in {run.work.path}: {', '.join(run.work.stages())}", soft_wrap=True)
    return []


def _stages(
    run: Run,
    config: Compression,
    supernet: Supernet,
    given: Model | None,
    teacher: Generator,
    distil: Distil,
) -> Iterator[str]:
    """Runs stage after stage, and yields the name of each when it is complete."""
    student, original = supernet.generator, config.pipeline == "original"
    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, teacher)
        if original:
            keep_judge(run, config.teacher)
    yield "teacher"

    weight = config.distillation
    match = match_taps(weight, student, big.generator)
    distil = dataclasses.replace(distil, weight=weight, match=match)
    method = ofa.OnceForAll(run.task, student, big.generator, distil)
    players = Student(run, method, supernet, big)
    if original:
        with run.stage("pre_distillation"):
            before = pre_distil(players, config)
        yield "pre_distillation"

    with run.stage("supernet"):
        stage = config.supernet
        if original:
            state = players.go_on(before, stage)
        else:
            state = players.begin(stage, start=_start(student, big) if config.inherit else {})
        classes = training_classes(supernet, stage.pictures, config.seed)
        state = players.train("supernet", state, classes, stage, config.seed)
        params = generators_of(state)["student"]
    yield "supernet"

    with run.stage("search"):
        candidates, arch = [], supernet.space.largest
        if not config.arch:
            run.save("supernet", Model(student, params))
            candidates = run.search(supernet, params, big, config.search)
            arch = players.choose(state, candidates, config)
    yield "search"

    with run.stage("specialise"):
        run.check_cut(supernet, params, arch)
        state = players.fine_tune("fine_tune", state, arch, config.fine_tune)
        small = players.finalize(state, arch)
        run.save("student", small)
    yield "specialise"

    with run.stage("evaluate"):
        finish(
            run,
            {"teacher": big, "student": small},
            title=f"Once-for-all compression: {run.data.name} at {show_size(run.shape)} px",
            facts=_facts(config),
            feature_size=config.feature_size,
            candidates=candidates,
            budget=_budget(config),
            shown=cut_front(run, supernet, params, candidates, config.front),
        )
    yield "evaluate"


def _alone(
    run: Run,
    config: Compression,
    supernet: Supernet,
    given: Model | None,
    teacher: Generator,
    teaching: Teaching,
) -> Iterator[str]:
    """As `_stages`, of a student that is only compared with the teacher."""
    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, teacher)
    yield "teacher"

    with run.stage("specialise"):
        small = run.recalibrated(learn_alone(run, supernet, teaching))
        run.save("student", small)
    yield "specialise"

    with run.stage("evaluate"):
        finish(
            run,
            {"teacher": big, "student": small},
            title=f"Trained without a teacher: {run.data.name} at {show_size(run.shape)} px",
            facts=_facts(config) | {"training": describe(teaching)},
            feature_size=config.feature_size,
        )
    yield "evaluate"


def _budget(config: Compression) -> int | None:
    """The multiply-adds that the search was held to; None where it was not."""
    held = config.search.limit == "macs" and not config.arch
    return int(config.search.budget) if held else None


def _facts(config: Compression) -> dict[str, str]:
    settings = config.search
    search = f"{settings.strategy} by {settings.fitness}, {settings.limit}<={settings.budget:.4g}"
    return {
        "teacher": config.teacher,
        "pipeline": config.pipeline,
        "search": "none: the architecture was given" if config.arch else search,
    }


def _start(student: Generator, teacher: Model) -> Params:
    start = inherit(student, teacher, rank_everywhere)
    console.print(
        f"the student starts from its teacher's {', '.join(sorted(start))}"
        if start
        else "the student starts from random weights: it has no layer of its teacher's",
        soft_wrap=True,
    )
    return start
