"""Once-for-all distillation: one supernet whose every sub-architecture imitates the teacher.

Each step draws an architecture, masks the student to it inside its shape class, and trains on the
terms of its task (its pictures against the target, and a discriminator) and on the teacher's
features through 1x1 adaptors. For unpaired tasks, whose target is the teacher's picture, this turns
compression into a one-directional problem: no cycle, no second generator.

Reference: Li et al. 2020 (arXiv 2003.08936), "Fast GAN Compression" pipeline.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from ganc import channels
from ganc.losses.distillation import (
    Distil,
    adaptor_axes,
    distillation_loss,
    init_adaptors,
    pair_taps,
)
from ganc.methods.update import Optimizers, begin, generators_of, make_update
from ganc.models.statistics import MOMENTUM, merge
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.search.supernet import Supernet
from ganc.tasks.task import Inputs, Task, under
from ganc.types import Arch, Generator, Model, Output, Params, TrainState

Sampling = Literal["uniform", "sandwich"]
"""`uniform`: one architecture per step, as published. `sandwich`: the largest, the smallest and one
at random, their gradients averaged (Yu et al. 2019, arXiv 1903.05134): three times the work a
step, for a steadier supernet."""


@dataclass(frozen=True, eq=False)
class OnceForAll:
    """The objective.

    Attributes:
        task: what is translated, and how pictures are judged.
        student: the supernet, at full width.
        teacher: what it imitates.
        distil: how its features are made to resemble the teacher's.
    """

    task: Task
    student: Generator
    teacher: Generator
    distil: Distil = Distil()

    @property
    def measured(self) -> dict[str, frozenset[str]]:
        """Player -> paths of its parameters that training measures."""
        return {
            "generator": under("student", self.student.statistics),
            "discriminator": self.task.discriminator.statistics,
        }


def init(
    method: OnceForAll,
    key: jax.Array,
    optimizers: Optimizers,
    *,
    average: float = 0.0,
    start: Params | None = None,
    judge: Params | None = None,
) -> TrainState:
    """A supernet from scratch, adaptors and a discriminator.

    Args:
        method: the objective.
        key: of the initial weights.
        optimizers: of "generator" and "discriminator".
        average: decay of the running average of the generators; 0 keeps none.
        start: a part of the supernet's parameters that is not random, see `inherit`.
        judge: the parameters of a discriminator that goes on; a new one without.
    """
    k_student, k_adaptors, k_discriminator = jax.random.split(key, 3)
    params = {
        "generator": {
            "student": merge(method.student.init(k_student), start or {}),
            "adaptors": init_adaptors(method.distil, k_adaptors, method.student, method.teacher),
        },
        "discriminator": judge or method.task.discriminator.init(k_discriminator),
    }
    return begin(params, optimizers, average=bool(average))


class Players(NamedTuple):
    """The pure functions that a step is made of; each is compiled by itself.

    Only `generator` depends on the shape class, so only it is compiled once per class.

    Attributes:
        target: `(teacher_params, batch, inputs) -> Output`, what the student should match.
        generator: `(params, target, batch, inputs, masks, shape) -> (gradients, statistics,
            scalars, fake)`; `shape` (hashable widths) is the class to slice to, `masks` the
            architecture inside it.
        discriminator: `(params, batch, fake) -> (gradients, statistics, scalars)`.
    """

    target: Callable
    generator: Callable
    discriminator: Callable


def make_players(method: OnceForAll, axis_name: str | None = None) -> Players:
    """The functions of `Players`.

    With `axis_name`, results are averaged over that axis of `jax.pmap`, or of `jax.shard_map` with
    `check_vma=False`.

    Both players' gradients are taken at the same parameters, as the reference does.
    """
    task, student, distil = method.task, method.student, method.distil
    pairs = pair_taps(distil, student, method.teacher)
    axes = {
        "student": student.axes,
        "adaptors": adaptor_axes(distil, student, method.teacher),
    }

    def average(tree):
        return tree if axis_name is None else jax.lax.pmean(tree, axis_name)

    def target(params, batch, inputs: Inputs) -> Output:
        output = method.teacher.apply(params, inputs.x, **inputs.options)
        return output._replace(image=task.target(batch, output.image))

    def generator_loss(params, discriminator, target, batch, inputs, masks, shape):
        keep = channels.prefix(shape)
        sliced = channels.slice_params(params, axes, keep)
        output = student.apply(
            sliced["student"],
            inputs.x,
            widths=shape,
            masks=masks,
            momentum=MOMENTUM,
            **inputs.options,
        )
        terms = task.generator_terms(
            lambda image: task.judge(discriminator, batch, image),
            batch,
            output.image,
            target.image,
        )
        if pairs:
            terms["distillation"] = distil.weight * distillation_loss(
                distil, pairs, sliced["adaptors"], output.taps, target.taps
            )
        measured = channels.put_back(params["student"], student.axes, keep, output.statistics)
        return sum(terms.values()), (terms, {"student": measured}, output.image)

    def generator(params, target, batch, inputs, masks, shape):
        gradients, (terms, statistics, fake) = jax.grad(generator_loss, has_aux=True)(
            params["generator"], params["discriminator"], target, batch, inputs, masks, shape
        )
        return *average((gradients, statistics, terms)), fake

    def discriminator_loss(params, batch, fake):
        terms, statistics = task.tell_apart(params, batch, fake)
        return sum(terms.values()), (terms, statistics)

    def discriminator(params, batch, fake):
        gradients, (terms, statistics) = jax.grad(discriminator_loss, has_aux=True)(
            params["discriminator"], batch, fake
        )
        return average((gradients, statistics, terms))

    return Players(target, generator, discriminator)


def draw(space: Space, sampling: Sampling, seed: int, step: int) -> list[Arch]:
    """The architectures of a step: a function of seed and step, so every host agrees."""
    arch = space.sample(np.random.default_rng([seed, step]))
    return [space.largest, space.smallest, arch] if sampling == "sandwich" else [arch]


def make_step(
    method: OnceForAll,
    optimizers: Optimizers,
    teacher_params: Params,
    classes: ShapeClasses,
    *,
    sampling: Sampling = "uniform",
    seed: int = 0,
    average: float = 0.0,
) -> Callable[[TrainState, Any, int], tuple[TrainState, dict[str, jax.Array]]]:
    """`step(state, batch, index) -> (state, scalars)`, on the host.

    It draws the architectures of step `index` and runs each in its shape class. The generator's
    gradient is compiled once per class, everything else once. The state is donated. Adam's moments
    move weights that this step's architecture left out, as in the reference.
    """
    players = make_players(method)
    target, discriminator = jax.jit(players.target), jax.jit(players.discriminator)
    generator = jax.jit(players.generator, static_argnames="shape")
    update = make_update(optimizers, measured=method.measured, average=average)
    update = jax.jit(update, donate_argnums=0)
    mean = jax.jit(lambda trees: jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *trees))
    space, key = classes.space, jax.random.key(seed)

    def lower(state: TrainState, batch, index: int):
        """The gradient of the largest architecture, which takes the most memory."""
        inputs = method.task.inputs(batch, jax.random.fold_in(key, index))
        wanted, (masks, shape) = (
            target(teacher_params, batch, inputs),
            classes.masked(space.largest),
        )
        return generator.lower(state.params, wanted, batch, inputs, masks, shape=shape)

    def step(state: TrainState, batch, index: int):
        inputs = method.task.inputs(batch, jax.random.fold_in(key, index))
        wanted, results = target(teacher_params, batch, inputs), []
        for arch in draw(space, sampling, seed, index):
            masks, shape = classes.masked(arch)
            g, g_statistics, terms, fake = generator(
                state.params, wanted, batch, inputs, masks, shape=shape
            )
            d, d_statistics, more = discriminator(state.params, batch, fake)
            results.append(
                (
                    {"generator": g, "discriminator": d},
                    {"generator": g_statistics, "discriminator": d_statistics},
                    terms | more,
                )
            )
        gradients, statistics, scalars = results[0] if len(results) == 1 else mean(results)
        return update(state, gradients, statistics), scalars

    step.lower = lower  # type: ignore[attr-defined]
    return step


def finalize(state: TrainState, supernet: Supernet, arch: Arch) -> Model:
    """The subnet `arch` cut out of the supernet, of its running average where one was kept.

    Statistics that a supernet measured belong to no architecture: recalibrate them.
    """
    return supernet.cut(generators_of(state)["student"], arch)


def single_class(space: Space, arch: Arch) -> ShapeClasses:
    """The space with `arch` as its one architecture, as its one class: for fine-tuning."""
    return ShapeClasses(Space(space.slots, tuple((entry,) for entry in arch)), (arch,))
