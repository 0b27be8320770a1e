"""The stages of GAN Slimming: a training, the cut, the rounding.

Reference: Wang et al. 2020 (arXiv 2008.11062).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganc import channels
from ganc.compression.run import Run
from ganc.compression.slimming_settings import Slim, Slimmed
from ganc.data.pictures import some, stack
from ganc.features.perceptual import Perceptual
from ganc.methods import slimming
from ganc.methods.budget import TOLERANCE, Budget, budget_of
from ganc.methods.extraction import extract
from ganc.methods.sites import Site
from ganc.methods.update import Optimizers
from ganc.metrics import cost
from ganc.models.quantised import (
    Quantisation,
    bake,
    quantised,
    ranges,
    split,
    with_ranges,
)
from ganc.models.render import render
from ganc.runs.console import console
from ganc.train.stage import adam
from ganc.types import Generator, Model, Params, TrainState


def check_budget(
    config: Slim, generator: Generator, widths: Mapping[str, int], sites: tuple[Site, ...]
) -> Budget:
    """The controller that `config` asks for.

    Raises:
        UserError: see `budget_of`.
    """
    stage = config.slim
    rates = stage.rate(stage.scale_rate)
    return budget_of(count(config, generator), widths, sites, config.goal, rates, stage.steps)


def count(config: Slim, generator: Generator) -> Callable[[Mapping[str, Any]], Any]:
    """What the budget counts, as a function of the widths."""
    if config.counted == "macs":
        return cost.macs(generator, *config.sides)
    if config.quantise != "none" and generator.quantisation is None:
        scheme = "paper" if config.quantise == "paper" else "deployable"
        generator = quantised(generator, Quantisation(scheme))
    return cost.size(generator)


@dataclasses.dataclass(frozen=True, eq=False)
class Stages:
    """What the stages of a run have in common.

    Attributes:
        run: the run.
        config: how to slim.
        teacher: what is imitated.
        plain: the student's generator, not quantised.
        sites: where it is slimmed.
        features: in which pictures are compared.
    """

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
            budget = check_budget(config, student.generator, widths, method.sites)
            options["budget"] = budget
        elif method.sites:
            rates, rho = stage.rate(stage.scale_rate), config.strength
            options["threshold"] = lambda step: rho * rates(step)
        state = slimming.init(
            method,
            players,
            student.params,
            discriminator,
            self.run.window,
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

            def advance(state, batch, index):
                return step(state, frozen, batch, index)

            def lower(state, batch, index):
                return step.lower(state, frozen, batch, index)

            advance.lower = lower  # type: ignore[attr-defined]
            return advance

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
        if self.config.budget or self.method(generator).silent:
            masks = slimming.alive(generator, slimmed.params, sites)
        whole = jax.jit(lambda params, x: generator.apply(params, x, masks=masks).image)
        drawn = render(small, few)
        gap = float(np.abs(np.asarray(whole(slimmed.params, few)) - drawn).max())
        before = channels.read_widths(slimmed.params, generator.axes)
        after = channels.read_widths(small.params, generator.axes)
        widths = ", ".join(f"{s.group} {after[s.group]}/{before[s.group]}" for s in sites)
        console.print(f"channels that stay: {widths}", soft_wrap=True)
        if self.config.budget:
            self._report(float(count(self.config, generator)(after)))
        if cut.carriers:
            console.print(f"of them constant, for dead ones: {', '.join(cut.carriers)}")
        console.print(f"with dead channels and without, pictures differ by at most {gap:.1e}")
        if generator.quantisation is not None:
            masked = jax.jit(lambda params, x: generator.apply(params, x).image)
            cut_off = float(np.abs(np.asarray(masked(cut.whole, few)) - drawn).max())
            console.print(
                f"that is rounding on new grids: masked and sliced differ by at most {cut_off:.1e}"
            )
        return small

    def _report(self, spent: float) -> None:
        budget, counted = self.config.goal, self.config.counted
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
