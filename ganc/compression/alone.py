"""What a searched student is to be compared with: one of equal multiply-adds and equal compute.

Its architecture is given. It is distilled as the supernet was, or it learns without the teacher, by
the objective that teachers learn by (`--pipeline scratch`); with `--equal-compute` for as long as
the search would have computed. Compute is counted, not measured: the true multiply-adds of
generators and discriminators, three times those of a forward pass where gradients are taken.
"""

import dataclasses
from functools import partial
from typing import Any

import jax

from ganc.compression.plan import GRADIENTS, estimate
from ganc.compression.run import Run
from ganc.compression.settings import Compression, Teaching
from ganc.compression.teacher import play
from ganc.data.dataset import Dataset
from ganc.errors import UserError
from ganc.methods.update import generators_of
from ganc.metrics.cost import forward_macs
from ganc.models.families import fold
from ganc.runs.console import console
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Task
from ganc.types import Generator, Model

_STAGES = ("supernet", "fine_tune")


def check_alone(config: Compression) -> None:
    """Refuses what only makes sense of a student that is given.

    Raises:
        UserError: there is none, or the pipeline trains it in stages of its own.
    """
    asked = {
        "--pipeline scratch": config.pipeline == "scratch",
        "--equal-compute": config.equal_compute,
    }
    for flag, given in asked.items():
        if given and not config.arch:
            raise UserError(f"{flag} is for one student: give its --arch, such as 16_16_24_...")
    if config.equal_compute and config.pipeline == "original":
        raise UserError("--equal-compute is for --pipeline fast or scratch, this is original")


def match_compute(
    config: Compression, task: Task, data: Dataset, supernet: Supernet, teacher: Generator
) -> tuple[Compression, Teaching]:
    """`config`, and how a student without a teacher is trained, with the steps that are asked for.

    Args:
        config: with the architecture of the student.
        task: what is translated.
        data: of which one picture is looked at, for its shapes.
        supernet: of which the student is the one architecture.
        teacher: what a search would distil.

    Raises:
        UserError: the space cannot be searched.
    """
    teaching, scratch = dataclasses.replace(config.teaching, start=""), config.pipeline == "scratch"
    if config.equal_compute:
        batch = task.batches(data, 1, config.seed)(0)
        judged = _judged(task, batch)
        searched = dataclasses.replace(
            supernet, space=parse_space(config.space, supernet.generator)
        )
        spent = estimate(dataclasses.replace(config, arch=""), searched, teacher, judged)
        console.print(
            f"plan: as many true multiply-adds as a search in {config.space}, {spent:.3g}",
            highlight=False,
        )
        if scratch:
            each = _played(task, narrowed(supernet), batch)
            teaching = _with_steps(teaching, spent / (each * teaching.batch))
        elif own := estimate(config, supernet, teacher, judged):
            before = {name: getattr(config, name) for name in _STAGES}
            stages = {n: _with_steps(s, s.steps * spent / own) for n, s in before.items()}
            config = dataclasses.replace(config, **stages)
    if scratch:
        console.print(f"plan: {describe(teaching)}", highlight=False)
    return config, teaching


def learn_alone(run: Run, supernet: Supernet, teaching: Teaching) -> Model:
    """The one architecture of `supernet` after the training that teachers get, on the host."""
    generator = narrowed(supernet)
    state = play(teaching, run.task, generator, run.data, run.work, "scratch")
    params = generators_of(jax.device_get(state))["ab"]
    return fold(Model(supernet.generator, params, supernet.space.largest))


def narrowed(supernet: Supernet) -> Generator:
    """The generator whose full widths are those of the largest architecture of the space."""
    widths: Any = supernet.space.widths(supernet.space.largest)
    full = supernet.generator
    return dataclasses.replace(full, init=partial(full.init, widths=widths), widths=widths)


def _judged(task: Task, batch: Any) -> int:
    """Multiply-adds of the discriminator for one picture of a student, both turns."""
    params = jax.eval_shape(task.discriminator.init, jax.random.key(0))
    real = jax.eval_shape(task.real, batch)

    def both(params, batch, image):
        judge = partial(task.judge, params, batch)
        terms = task.generator_terms(judge, batch, image, image)
        return terms, task.tell_apart(params, batch, image)

    return forward_macs(both, params, batch, real)


def _played(task: Task, generator: Generator, batch: Any) -> int:
    """Multiply-adds of the players of the game, both turns and all gradients, for one picture."""
    game, key = task.play(generator), jax.random.key(0)
    players = jax.eval_shape(game.init, key)

    def both(players, batch, key):
        generators, discriminators = players["generator"], players["discriminator"]
        terms, made = game.generator_terms(generators, discriminators, batch, key)
        return terms, game.discriminator_terms(discriminators, batch, made.fakes)

    forward = forward_macs(both, players, batch, key)
    if not forward:
        raise UserError(f"--equal-compute counts networks of ganc.models, not {generator.spec}")
    return GRADIENTS * forward


def _with_steps(stage: Any, steps: float) -> Any:
    """`stage` with so many steps, rounded, the same share of them at the full rate as before."""
    total, before = round(steps), stage.constant_steps + stage.decay_steps
    constant = round(total * (stage.constant_steps / before if before else 1))
    return dataclasses.replace(stage, constant_steps=constant, decay_steps=total - constant)


def describe(teaching: Teaching) -> str:
    """The training of a student without a teacher, in a line."""
    return f"alone, {teaching.training.steps:,} steps of {teaching.batch} pictures"
