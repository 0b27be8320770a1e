"""GAN Slimming on any task: teacher, one run that distils and prunes, extraction, fine-tuning.

Reference: Wang et al. 2020 (arXiv 2008.11062).
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganc import channels
from ganc.compress.finish import finish, show
from ganc.compress.run import Run, open_data, some
from ganc.compress.slimming_settings import Slim, Slimmed
from ganc.compress.teacher import TEACHER, load_teacher
from ganc.data.pictures import show_size, stack
from ganc.errors import UserError
from ganc.features.perceptual import Perceptual, perceptual
from ganc.methods import slimming
from ganc.methods.extraction import extract
from ganc.methods.shrinkage import TOLERANCE, Budget, budget_of
from ganc.methods.sites import Site, find_sites
from ganc.methods.update import Optimizers
from ganc.metrics import cost
from ganc.models import store
from ganc.models.quantised import (
    Quantisation,
    bake,
    quantised,
    ranges,
    split,
    with_ranges,
)
from ganc.models.render import render
from ganc.models.scales import with_scales
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.tasks.task import Task
from ganc.train.stage import adam
from ganc.types import Generator, Model, Params, TrainState

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
        teacher: the network that is trained where `config` has no teacher.
        student: the network that begins where `config.student` is "random".

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    shape = (*config.sides, teacher.channels_in)
    data = open_data(config.data, config.sides, task, skip_bad=config.skip_bad)
    given = None if config.teacher == "train" else load_teacher(config.teacher, task, data, shape)
    start = _start(config, given or Model(teacher, None), student, shape)
    sites = find_sites(start.generator, trunk=config.trunk) if config.prunes else ()
    judge = _discriminator(config, task)
    features = perceptual(config.features, scaling=config.scaling)
    _check_budget(config, start, sites)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)

    with run.stage("teacher"):
        big = run.teacher(given, config.teaching, teacher)
        if start.params is None:
            start = with_scales(big, trunk=config.trunk)
    # What the paper compares place by place is the first of the maps.
    features = dataclasses.replace(features, content=0)
    work = _Work(run, config, big, start.generator, sites, features)

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
    model = store.load(path if (path / "model.json").exists() else path / STUDENT)
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


def _check_budget(config: Slim, start: Model, sites: tuple[Site, ...]) -> None:
    if config.budget and not config.prunes:
        raise UserError("--budget needs steps of --slim to be reached in")
    if config.budget:
        generator = start.generator
        if start.params is None:
            widths = dict(generator.widths)
        else:
            widths = dict(channels.read_widths(start.params, generator.axes))
        _budget(config, generator, widths, sites)


def _budget(
    config: Slim, generator: Generator, widths: Mapping[str, int], sites: tuple[Site, ...]
) -> Budget:
    stage, count = config.slim, _count(config, generator)
    rates = stage.rate(stage.scale_rate)
    return budget_of(count, widths, sites, config.budget, rates, stage.steps)


def _count(config: Slim, generator: Generator) -> Callable[[Mapping[str, Any]], Any]:
    """What the budget counts, as a function of the widths."""
    if config.counted == "macs":
        return cost.macs(generator, *config.sides)
    if config.quantise != "none" and generator.quantisation is None:
        scheme = "paper" if config.quantise == "paper" else "deployable"
        generator = quantised(generator, Quantisation(scheme))
    return cost.size(generator)


def _facts(config: Slim, features: Perceptual) -> dict[str, str]:
    unit = "multiply-adds" if config.counted == "macs" else "bytes"
    rho = f"moved to reach {config.budget:.4g} {unit}" if config.budget else f"{config.strength:g}"
    return {
        "teacher": config.teacher,
        "student begins as": config.student,
        "rho": rho if config.prunes else "0: nothing is pruned",
        "eight bits": config.quantise,
        "features that tell pictures apart": features.name,
        "discriminator's real pictures": config.against,
    }


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """What the stages have in common."""

    run: Run
    config: Slim
    teacher: Model
    plain: Generator
    sites: tuple[Site, ...]
    features: Perceptual

    def method(self, student: Generator, *, tuning: bool = False) -> slimming.Slimming:
        """The objective for a student."""
        config = self.config
        return slimming.Slimming(
            self.run.task,
            student,
            self.teacher.generator,
            () if tuning else self.sites,
            self.features,
            config.distance,
            config.tune_beta if tuning else config.beta,
            config.against,
        )

    def train(self, name: str, student: Model, discriminator: Params, stage: Slimmed) -> TrainState:
        """A stage: pruning in "slim", none in another."""
        config, tuning = self.config, name != "slim"
        method = self.method(student.generator, tuning=tuning)
        players, budget = self._optimizers(method, stage), None
        options: dict[str, Any] = {}
        if method.sites and config.budget:
            widths = channels.read_widths(student.params, student.generator.axes)
            budget = _budget(config, student.generator, widths, method.sites)
            options["budget"] = budget
        elif method.sites:
            rates, rho = stage.rate(stage.scale_rate), config.strength
            options["threshold"] = lambda step: rho * rates(step)
        state = slimming.init(
            method,
            players,
            student.params,
            discriminator,
            (*self.run.shape[:2], 3),
            average=stage.average if tuning else 0.0,
            rho=budget.rho if budget else config.strength,
        )
        if not stage.steps:
            return state
        key = jax.random.key(config.seed + 1 + tuning)
        average = stage.average if tuning else 0.0
        step = slimming.make_step(method, players, key, average=average, **options)
        step = jax.jit(step, donate_argnums=0)

        def make_step(place):
            frozen = place(slimming.freeze(method, self.teacher.params))
            return lambda state, batch, index: step(state, frozen, batch, index)

        return self.run.train(name, make_step, state, stage, config.seed + tuning)

    def _optimizers(self, method: slimming.Slimming, stage: Slimmed) -> Optimizers:
        other = stage.discriminator_learning_rate or stage.learning_rate
        scales = slimming.momentum(stage.rate(stage.scale_rate), stage.momentum)
        weights = adam(stage, rate=stage.rate(stage.learning_rate))
        return {
            "generator": slimming.by_kind(
                method.sites, weights, scales, learn_clips=self.config.learn_clips
            ),
            "discriminator": adam(stage, rate=stage.rate(other)),
        }

    def cut(self, slimmed: Model) -> Model:
        """The student without its dead channels."""
        generator, sites = slimmed.generator, self.sites
        cut = extract(generator, slimmed.params, sites)
        small = Model(generator, jax.device_get(cut.params))
        few = stack(some(self.run.data.search_a, 4), self.run.shape[:2], self.run.data.encode)
        masks = None
        if self.config.budget:
            masks = slimming.alive(generator, slimmed.params, sites)
        whole = jax.jit(lambda params, x: generator.apply(params, x, masks=masks).image)
        gap = float(np.abs(np.asarray(whole(slimmed.params, few)) - render(small, few)).max())
        before = channels.read_widths(slimmed.params, generator.axes)
        after = channels.read_widths(small.params, generator.axes)
        widths = ", ".join(f"{s.group} {after[s.group]}/{before[s.group]}" for s in sites)
        console.print(f"channels that stay: {widths}", soft_wrap=True)
        if self.config.budget:
            self._report(float(_count(self.config, generator)(after)))
        if cut.carriers:
            console.print(f"of them constant, for dead ones: {', '.join(cut.carriers)}")
        console.print(f"with dead channels and without, pictures differ by at most {gap:.1e}")
        return small

    def _report(self, spent: float) -> None:
        budget, counted = self.config.budget, self.config.counted
        off = spent / budget - 1
        line = f"{spent:.4g} {counted}, {off:+.1%} of the budget of {budget:.4g}"
        missed = abs(off) > TOLERANCE  # where a single channel costs more
        console.print(f"[yellow]{line}[/]" if missed else line, highlight=False)

    def rounded(self, model: Model) -> Model:
        """`model`, quantised where it learns so."""
        how = self.config.quantise
        if how == "paper":
            return Model(quantised(model.generator, Quantisation("paper")), model.params)
        return self._deployable(model) if how == "deployable" else model

    def measured_again(self, model: Model) -> Model:
        """`model` with clips that fit it, where they are not learned."""
        how = model.generator.quantisation
        if how is None or how.scheme != "deployable" or self.config.learn_clips:
            return model
        return self._deployable(Model(self.plain, split(model.params)[0]))

    def finished(self, model: Model) -> Model:
        """The student as it is stored: with its own statistics, and on the grid of its codes."""
        model = self.run.recalibrated(model._replace(params=jax.device_get(model.params)))
        if self.config.quantise == "after":
            model = self._deployable(model)
        how = model.generator.quantisation
        return model if how is None else model._replace(params=bake(model.params, how))

    def _deployable(self, model: Model) -> Model:
        pictures = self.run.calibration()
        found = ranges(model.generator, model.params, [jnp.asarray(p) for p in pictures[:, None]])
        return Model(*with_ranges(model.generator, model.params, found))
