"""GAN Compression, the Fast pipeline, on any task: teacher, supernet, search, specialise, report.

Reference: Li et al. 2020 (arXiv 2003.08936).
"""

from pathlib import Path

import jax
import numpy as np

from ganc.compress.finish import finish, show
from ganc.compress.glance import cut_front
from ganc.compress.matching import match_taps
from ganc.compress.run import Run, open_data
from ganc.compress.settings import Compression, Distillation
from ganc.compress.teacher import load_teacher
from ganc.data.pictures import show_size
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods.update import Optimizers, begin, generators_of
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.search.classes import ShapeClasses
from ganc.search.evolution import Candidate
from ganc.search.plan import training_classes
from ganc.search.search import check_search
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Task
from ganc.train.stage import adam
from ganc.types import Generator, Model, TrainState


def compress(
    experiment: str,
    config: Compression,
    workdir: Path,
    *,
    task: Task,
    student: Generator,
    teacher: Generator,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to compress.
        workdir: of the run.
        task: what is translated.
        student: the supernet, at full width.
        teacher: the network that is trained where `config` has no teacher.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    shape = (config.size, config.size, student.channels_in)
    supernet = Supernet(student, parse_space(config.space, student), shape)
    check_search(supernet, config.search)
    data = open_data(config.data, config.size, task, skip_bad=config.skip_bad)
    given = None if config.teacher == "train" else load_teacher(config.teacher, data, shape)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, teacher)
    weight = config.distillation
    distil = Distil(weight, match=match_taps(weight, student, big.generator))
    method = ofa.OnceForAll(task, student, big.generator, distil)

    with run.stage("supernet"):
        stage = config.supernet
        # rbg: the default generator takes eight seconds longer to compile, one layer at a time.
        key = jax.random.key(config.seed, impl="rbg")
        state = ofa.init(method, key, _optimizers(stage), average=stage.average)
        classes = training_classes(supernet, stage.pictures, config.seed)
        state = _train(run, "supernet", method, state, big, classes, stage, config.seed)

    with run.stage("search"):
        params = generators_of(state)["student"]
        candidates = run.search(supernet, params, big, config.search)
        arch = best(candidates).arch

    with run.stage("specialise"):
        run.check_cut(supernet, params, arch)
        stage = config.fine_tune
        if stage.steps:
            # It goes on from the weights that were searched.
            players = state.params | {"generator": generators_of(state)}
            players = jax.tree.map(np.asarray, players)
            state = begin(players, _optimizers(stage), average=bool(stage.average))
            classes = ofa.single_class(supernet.space, arch)
            state = _train(run, "fine_tune", method, state, big, classes, stage, config.seed + 1)
        small = ofa.finalize(state, supernet, arch)
        small = run.recalibrated(small._replace(params=jax.device_get(small.params)))
        run.save("student", small)

    with run.stage("evaluate"):
        finish(
            run,
            {"teacher": big, "student": small},
            title=f"Once-for-all compression: {data.name} at {show_size(run.shape)} px",
            facts={
                "teacher": config.teacher,
                "search": f"{config.search.strategy} by {config.search.fitness}",
            },
            feature_size=config.feature_size,
            candidates=candidates,
            budget=int(config.search.budget),
            shown=cut_front(run, supernet, params, candidates, config.front),
        )
    return show(run)


def best(candidates: list[Candidate]) -> Candidate:
    """The one with the lowest score, of equal ones the cheapest."""
    return min(candidates, key=lambda candidate: (candidate.score, candidate.macs))


def _optimizers(stage: Distillation) -> Optimizers:
    return dict.fromkeys(("generator", "discriminator"), adam(stage))


def _train(
    run: Run,
    name: str,
    method: ofa.OnceForAll,
    state: TrainState,
    teacher: Model,
    classes: ShapeClasses,
    stage: Distillation,
    batch_seed: int,
) -> TrainState:
    def make_step(place):
        return ofa.make_step(
            method,
            _optimizers(stage),
            place(teacher.params),
            classes,
            sampling=stage.sampling,
            seed=run.seed,
            average=stage.average,
        )

    return run.train(name, make_step, state, stage, batch_seed)
