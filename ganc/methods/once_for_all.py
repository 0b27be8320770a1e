"""Once-for-all distillation: one supernet whose every sub-architecture imitates the teacher.

Each step draws an architecture, masks the student to it inside its shape class, and trains on the
teacher's picture, the teacher's features through 1x1 adaptors, and a discriminator on real pictures
of the target domain. This turns unpaired compression into a one-directional problem: no cycle, no
second generator.

Reference: Li et al. 2020 (arXiv 2003.08936), "Fast GAN Compression" pipeline.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganc import channels
from ganc.losses.adversarial import LEAST_SQUARES, Adversarial
from ganc.losses.distillation import distillation_loss, init_adaptors
from ganc.losses.reconstruction import l1_loss
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.types import Arch, Axes, Discriminator, Generator, Model, Params, TrainState

Sampling = Literal["uniform", "sandwich"]
"""`uniform`: one architecture per step, as published. `sandwich`: the largest, the smallest and one
at random, their gradients averaged (Yu et al. 2019, arXiv 1903.05134): three times the work a
step, for a steadier supernet."""


@dataclass(frozen=True)
class OnceForAll:
    """The objective.

    Attributes:
        student: the supernet, at full width.
        teacher: what it imitates.
        discriminator: judges pictures of the target domain, unconditionally.
        adversarial: the published runs use least squares for unpaired data.
        reconstruction: weight of the mean |student - teacher|; 10 on horse2zebra.
        distillation: weight of the feature distances; 0.01 on horse2zebra.
    """

    student: Generator
    teacher: Generator
    discriminator: Discriminator
    adversarial: Adversarial = LEAST_SQUARES
    reconstruction: float = 10.0
    distillation: float = 0.01

    def adaptors(self, key: jax.Array) -> tuple[Params, Axes]:
        """Fresh adaptors between the taps that student and teacher share, and their axes."""
        taps = {t: group for t, group in self.student.taps.items() if t in self.teacher.taps}
        teacher = {tap: channels.count(self.teacher.taps[tap], self.teacher.widths) for tap in taps}
        return init_adaptors(key, taps, self.student.widths, teacher)


def init(method: OnceForAll, key: jax.Array, optimizer: optax.GradientTransformation) -> TrainState:
    """A supernet from scratch, adaptors and a discriminator."""
    k_student, k_adaptors, k_discriminator = jax.random.split(key, 3)
    params = {
        "generator": {
            "student": method.student.init(k_student),
            "adaptors": method.adaptors(k_adaptors)[0],
        },
        "discriminator": method.discriminator.init(k_discriminator),
    }
    return restart(params, optimizer)


def restart(params: Params, optimizer: optax.GradientTransformation) -> TrainState:
    """A state at step 0 with the given parameters and fresh optimisers, as fine-tuning begins."""
    opt_state = {role: optimizer.init(tree) for role, tree in params.items()}
    return TrainState(jnp.int32(0), params, opt_state, {})


class Players(NamedTuple):
    """The pure functions that a step is made of; each is compiled by itself.

    Only `generator` depends on the shape class, so only it is compiled once per class.

    Attributes:
        target: `(teacher_params, a) -> Output`, what the student should match.
        generator: `(params, target, a, masks, shape) -> (gradients, scalars, fake)`; `shape`
            (hashable widths) is the class to slice to, `masks` the architecture inside it.
        discriminator: `(params, b, fake) -> (gradients, scalars)`.
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
    student = method.student.apply
    axes = {"student": method.student.axes, "adaptors": method.adaptors(jax.random.key(0))[1]}

    def average(tree):
        return tree if axis_name is None else jax.lax.pmean(tree, axis_name)

    def judge(params, x):
        return method.discriminator.apply(params, x).logits

    def generator_loss(params, discriminator, target, a, masks, shape):
        params = channels.slice_params(params, axes, channels.prefix(shape))
        output = student(params["student"], a, widths=shape, masks=masks)
        terms = {
            "adversarial": method.adversarial.generator(judge(discriminator, output.image)),
            "reconstruction": method.reconstruction * l1_loss(output.image, target.image),
            "distillation": method.distillation
            * distillation_loss(params["adaptors"], output.taps, target.taps),
        }
        return sum(terms.values()), (terms, output.image)

    def generator(params, target, a, masks, shape):
        gradients, (terms, fake) = jax.grad(generator_loss, has_aux=True)(
            params["generator"], params["discriminator"], target, a, masks, shape
        )
        return *average((gradients, terms)), fake

    def discriminator_loss(params, b, fake):
        logits = judge(params, jnp.concatenate([b, fake]))
        return method.adversarial.discriminator(logits[: len(b)], logits[len(b) :])

    def discriminator(params, b, fake):
        loss, gradients = jax.value_and_grad(discriminator_loss)(params["discriminator"], b, fake)
        return average((gradients, {"discriminator": loss}))

    return Players(method.teacher.apply, generator, discriminator)


def make_update(optimizer: optax.GradientTransformation) -> Callable:
    """`update(state, gradients) -> state`: one step of both optimisers.

    Adam's moments move weights that this step's architecture left out, as in the reference.
    """

    def update(state: TrainState, gradients) -> TrainState:
        params: Any = {}
        opt_state: Any = {}
        for role, tree in state.params.items():
            updates, opt_state[role] = optimizer.update(
                gradients[role], state.opt_state[role], tree
            )
            params[role] = optax.apply_updates(tree, updates)
        return TrainState(state.step + 1, params, opt_state, state.extra)

    return update


def draw(space: Space, sampling: Sampling, seed: int, step: int) -> list[Arch]:
    """The architectures of a step: a function of seed and step, so every host agrees."""
    arch = space.sample(np.random.default_rng([seed, step]))
    return [space.largest, space.smallest, arch] if sampling == "sandwich" else [arch]


def make_step(
    method: OnceForAll,
    optimizer: optax.GradientTransformation,
    teacher_params: Params,
    classes: ShapeClasses,
    *,
    sampling: Sampling = "uniform",
    seed: int = 0,
) -> Callable:
    """`step(state, batch, index) -> (state, scalars)`, on the host.

    It draws the architectures of step `index` and runs each in its shape class. The generator's
    gradient is compiled once per class, everything else once. The state is donated.
    """
    players = make_players(method)
    target, discriminator = jax.jit(players.target), jax.jit(players.discriminator)
    generator = jax.jit(players.generator, static_argnames="shape")
    update = jax.jit(make_update(optimizer), donate_argnums=0)
    mean = jax.jit(lambda trees: jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *trees))
    space = classes.space

    def step(state: TrainState, batch, index: int):
        wanted, results = target(teacher_params, batch["a"]), []
        for arch in draw(space, sampling, seed, index):
            shape = space.widths(classes.of(arch))
            masks = {group: mask[0] for group, mask in space.masks([arch], shape).items()}
            g, terms, fake = generator(state.params, wanted, batch["a"], masks, shape=shape)
            d, term = discriminator(state.params, batch["b"], fake)
            results.append(({"generator": g, "discriminator": d}, terms | term))
        gradients, scalars = results[0] if len(results) == 1 else mean(results)
        return update(state, gradients), scalars

    return step


def finalize(method: OnceForAll, state: TrainState, space: Space, arch: Arch) -> Model:
    """The subnet `arch` cut out of the supernet."""
    widths = space.widths(arch)
    student = state.params["generator"]["student"]
    params = channels.slice_params(student, method.student.axes, channels.prefix(widths))
    return Model(method.student, params, arch)


def only(space: Space, arch: Arch) -> ShapeClasses:
    """The space with `arch` as its one architecture, as its one class: for fine-tuning."""
    return ShapeClasses(Space(space.slots, tuple((entry,) for entry in arch)), (arch,))
