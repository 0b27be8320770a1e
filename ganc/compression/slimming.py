"""GAN Slimming on any task: teacher, one run that distils and prunes, extraction, fine-tuning.

Reference: Wang et al. 2020 (arXiv 2008.11062).
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from ganc import channels
from ganc.compression.finish import finish, show
from ganc.compression.plan import parse_budget
from ganc.compression.run import Run, open_data
from ganc.compression.slimming_settings import Slim
from ganc.compression.slimming_stages import Stages, check_budget, count
from ganc.compression.teacher import TEACHER, check_size, load_teacher
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.features.perceptual import Perceptual, perceptual
from ganc.methods import slimming
from ganc.methods.sites import Site, find_sites
from ganc.models import store
from ganc.models.kernels import kernels_of
from ganc.models.scales import with_scales
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.tasks.task import Task
from ganc.types import Generator, Model, Params

STUDENT, DISCRIMINATOR = "student", "discriminator"


def slim(
    experiment: str,
    config: Slim,
    workdir: Path,
    *,
    task: Task,
    teacher: Generator,
    student: Generator,
) -> list[Row]:
    """Runs the stages that are not complete yet; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to slim.
        workdir: of the run.
        task: what is translated; its own distance to a target is best given no weight.
        teacher: the network that is trained where `config` has no teacher, or whose weights it
            names where the network is one's own.
        student: the network that begins where `config.student` is "random".

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    shape = (*config.sides, teacher.channels_in)
    data = open_data(config, task)
    given = None
    if config.teacher != "train":
        given = load_teacher(config.teacher, task, data, shape, teacher)
    start = _start(config, given or Model(teacher, None), student, shape)
    check_size("the student", start.generator, shape, data)
    check_size("the teacher", given.generator if given else teacher, shape, data)
    if isinstance(config.budget, str):
        big = given.generator if given else teacher
        # A teacher is stored as it is, whatever the student is rounded to.
        plain = dataclasses.replace(config, quantise="none")
        whole = int(count(plain, big)(_widths(given or Model(big, None))))
        config = dataclasses.replace(config, budget=parse_budget(config.budget, whole))
    sites = find_sites(start.generator, trunk=config.trunk) if config.prunes else ()
    if config.quantise != "none":
        kernels_of(start.generator)  # refuses a network that nobody can round
    judge = _discriminator(config, task)
    features = perceptual(config.features, scaling=config.scaling)
    _check(config, start, sites)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, teacher)
        if start.params is None:
            start = with_scales(big, trunk=config.trunk)
    # What the paper compares place by place is the first of the maps.
    features = dataclasses.replace(features, content=0)
    work = Stages(run, config, big, start.generator, sites, features)

    with run.stage("slim"):
        begun = work.rounded(start)
        state = work.train("slim", begun, judge, config.slim)
        slimmed = slimming.student_of(work.method(begun.generator), state)
        slimmed = slimmed._replace(params=jax.device_get(slimmed.params))

    with run.stage("extract"):
        small = work.cut(slimmed) if sites else slimmed

    with run.stage("fine_tune"):
        if config.fine_tune.steps:
            small = work.measured_again(small)
            trained = state.params["discriminator"]
            state = work.train("fine_tune", small, trained, config.fine_tune)
            small = slimming.student_of(work.method(small.generator), state)
        small = work.finished(small)
        run.save(STUDENT, small)
        path = run.work.path / DISCRIMINATOR
        params = jax.device_get(state.params["discriminator"])
        store.save_discriminator(path, task.discriminator, params, {"data": data.name})

    with run.stage("evaluate"):
        finish(
            run,
            {TEACHER: big, STUDENT: small},
            title=f"GAN Slimming: {data.name} at {show_size(run.shape)} px",
            facts=_facts(config, features),
            feature_size=config.feature_size,
        )
    return show(run)


def _start(config: Slim, teacher: Model, student: Generator, shape: tuple[int, int, int]) -> Model:
    """The student as it begins; without parameters where its teacher is yet to be trained."""
    if config.student == "random":
        # rbg: the default generator takes seconds longer to compile, one layer at a time.
        return Model(student, student.init(jax.random.key(config.seed, impl="rbg")))
    if config.student == TEACHER:
        if teacher.params is not None:
            return with_scales(teacher, trunk=config.trunk)
        return Model(_scaled(teacher.generator, config.trunk), None)
    path = Path(config.student).expanduser()
    model = store.load(path if (path / "model.json").exists() else path / STUDENT, student)
    if model.generator.quantisation is not None:
        raise UserError(f"--student {config.student} is quantised; begin with one that is not")
    if model.generator.channels_in != shape[2]:
        raise UserError(
            f"--student {config.student} takes {model.generator.channels_in} channels, "
            f"expected {shape[2]}"
        )
    return with_scales(model, trunk=config.trunk)


def _scaled(generator: Generator, trunk: bool) -> Generator:
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    return with_scales(Model(generator, params), trunk=trunk).generator


def _discriminator(config: Slim, task: Task) -> Params:
    if not config.discriminator:
        return task.discriminator.init(jax.random.key(config.seed + 2, impl="rbg"))
    found, params = store.load_discriminator(Path(config.discriminator).expanduser())
    if found.spec != task.discriminator.spec:
        raise UserError(
            f"--discriminator {config.discriminator} is {found.spec}, this run's is "
            f"{task.discriminator.spec}"
        )
    return params


def _check(config: Slim, start: Model, sites: tuple[Site, ...]) -> None:
    if config.budget and not config.prunes:
        raise UserError("--budget needs steps of --slim to be reached in")
    if config.budget:
        check_budget(config, start.generator, _widths(start), sites)


def _widths(model: Model) -> dict[str, int]:
    """Those of its parameters; the full ones where it has none yet."""
    generator = model.generator
    if model.params is None:
        return dict(generator.widths)
    return dict(channels.read_widths(model.params, generator.axes))


def _facts(config: Slim, features: Perceptual) -> dict[str, str]:
    unit = "multiply-adds" if config.counted == "macs" else "bytes"
    rho = f"moved to reach {config.goal:.4g} {unit}" if config.budget else f"{config.strength:g}"
    return {
        "teacher": config.teacher,
        "student begins as": config.student,
        "rho": rho if config.prunes else "0: nothing is pruned",
        "eight bits": config.quantise,
        "features that tell pictures apart": features.name,
        "discriminator's real pictures": config.against,
    }
