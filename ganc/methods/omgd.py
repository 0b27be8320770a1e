"""Online multi-granularity distillation: a student imitates teachers that are still learning.

The teachers play the game of their task, a wider one and, where wanted, a deeper one, before one
discriminator that may have a branch for each. The student has no discriminator and sees no truth:
its pictures should look like those of every teacher, and its channels should be as active as those
of the first. With teachers that are given it learns offline from them, frozen.

Reference: Ren et al. 2021 (arXiv 2108.06908).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc.features.perceptual import Perceptual
from ganc.losses.channel_distillation import (
    ChannelDistil,
    channel_distillation_loss,
    init_channel_adaptors,
)
from ganc.losses.imitation import Imitation, imitation_terms
from ganc.methods.update import Optimizers, begin, generators_of, make_update
from ganc.models.statistics import MOMENTUM, merge
from ganc.tasks import pool
from ganc.tasks.task import Game, Inputs, Task, Terms, under
from ganc.types import Generator, Model, Output, Params, TrainState


@dataclass(frozen=True, eq=False)
class Omgd:
    """The objective.

    Attributes:
        task: what is translated.
        student: what is kept.
        teachers: name -> generator; the channels of the first are distilled.
        perceptual: in whose features pictures are compared.
        imitation: the weights of the comparison with each teacher.
        channels: how channels are distilled.
        games: name -> how that teacher is trained meanwhile; its direction "ab" is the teacher.
            All games are played before the same discriminators. Without games the teachers are
            frozen.
    """

    task: Task
    student: Generator
    teachers: Mapping[str, Generator]
    perceptual: Perceptual
    imitation: Imitation = Imitation()
    channels: ChannelDistil = ChannelDistil()
    games: Mapping[str, Game] = FrozenDict()

    def __post_init__(self) -> None:
        if not self.teachers or (self.games and set(self.games) != set(self.teachers)):
            raise ValueError(
                "every teacher needs a game, or none has one; the teachers are "
                f"{list(self.teachers)}, the games {list(self.games)}"
            )

    @property
    def first(self) -> str:
        """The teacher whose channels are distilled."""
        return next(iter(self.teachers))

    @property
    def roles(self) -> tuple[str, ...]:
        """Who is trained, and needs an optimiser."""
        return ("generator", "teacher", "discriminator") if self.games else ("generator",)

    @property
    def measured(self) -> dict[str, frozenset[str]]:
        """Role -> paths of its parameters that training measures."""
        found = {"generator": under("student", self.student.statistics)}
        for name, game in self.games.items():
            paths = under(name, game.measured["generator"])
            found["teacher"] = found.get("teacher", frozenset()) | paths
            found["discriminator"] = game.measured["discriminator"]
        return found


def init(
    method: Omgd,
    key: jax.Array,
    optimizers: Optimizers,
    shape: tuple[int, int, int],
    *,
    average: float = 0.0,
) -> TrainState:
    """Everybody from scratch, and empty pools for fakes of `shape` (h, w, c)."""
    k_student, k_adaptors, k_teachers = jax.random.split(key, 3)
    first = method.teachers[method.first]
    params: dict[str, Params] = {
        "generator": {
            "student": method.student.init(k_student),
            "adaptors": init_channel_adaptors(method.channels, k_adaptors, method.student, first),
        }
    }
    pools: dict[str, Any] = {}
    for index, (name, game) in enumerate(method.games.items()):
        players = game.init(jax.random.fold_in(k_teachers, index))
        params.setdefault("teacher", {})[name] = players["generator"]
        params.setdefault("discriminator", players["discriminator"])
        pools[name] = {fake: pool.init(game.pool, shape) for fake in game.fakes}
    return begin(params, optimizers, average=bool(average), pools=pools)


def freeze(method: Omgd, teachers: Mapping[str, Params] | None = None) -> dict[str, Params]:
    """What a step takes and never changes: the perceptual network, and given teachers by name."""
    return {"features": method.perceptual.params, "teachers": dict(teachers or {})}


class Lessons(NamedTuple):
    """What the teachers give in a step.

    Attributes:
        outputs: name -> a teacher's pictures of domain b and their taps, before it learns.
        gradients: role -> gradients; none where the teachers rest.
        statistics: role -> what was measured.
        terms: of both players, each under its teacher's name.
        pools: of past fakes.
    """

    outputs: Mapping[str, Output]
    gradients: Mapping[str, Params]
    statistics: Mapping[str, Params]
    terms: Terms
    pools: Mapping[str, Any]


def make_turn(
    method: Omgd,
    optimizers: Optimizers,
    key: jax.Array,
    *,
    average: float = 0.0,
    axis_name: str | None = None,
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """`turn(state, frozen, batch, index, learn) -> (state, scalars)`, pure.

    All gradients are taken at the same parameters: those of the teachers see the discriminator, and
    that of the student the teachers, as they were. `learn`, which is static, says whether the
    teachers and the discriminator learn in this step. `frozen` is that of `freeze`.

    Args:
        method: the objective.
        optimizers: of "generator", which is the student with its adaptors, and, where there are
            games, of "teacher" and "discriminator".
        key: of everything random; the step's index is folded in.
        average: decay of the running average of the student; 0 keeps none.
        axis_name: an axis of `jax.pmap`, or of `jax.shard_map` with `check_vma=False`, over which
            gradients, statistics and scalars are averaged.
    """
    task, student, teachers = method.task, method.student, method.teachers
    pairs = method.channels.pairs(student, teachers[method.first])
    update = make_update(optimizers, measured=method.measured, average=average)

    def frozen_lessons(frozen, inputs: Inputs) -> Lessons:
        outputs = {
            name: generator.apply(frozen["teachers"][name], inputs.x, **inputs.options)
            for name, generator in teachers.items()
        }
        return Lessons(outputs, {}, {}, {}, {})

    def resting_lessons(state: TrainState, inputs: Inputs) -> Lessons:
        # They draw as they do when they learn, so their statistics move on.
        outputs, statistics = {}, {}
        for name, generator in teachers.items():
            params = state.params["teacher"][name]["ab"]
            outputs[name] = generator.apply(params, inputs.x, momentum=MOMENTUM, **inputs.options)
            statistics[name] = {"ab": outputs[name].statistics}
        return Lessons(outputs, {}, {"teacher": statistics}, {}, state.extra["pools"])

    def lessons(state: TrainState, batch, k_terms, k_pools) -> Lessons:
        params = state.params
        gradients, (terms, made) = jax.grad(_teachers_loss, has_aux=True)(
            params["teacher"], params["discriminator"], method.games, batch, k_terms
        )
        pools, shown = _show(method.games, state.extra["pools"], made, k_pools)
        d_gradients, (d_terms, d_statistics) = jax.grad(_discriminators_loss, has_aux=True)(
            params["discriminator"], method.games, batch, shown
        )
        return Lessons(
            {name: Output(each.fakes["b"], each.taps["b"]) for name, each in made.items()},
            {"teacher": gradients, "discriminator": d_gradients},
            {
                "teacher": {name: each.statistics for name, each in made.items()},
                "discriminator": d_statistics,
            },
            terms | d_terms,
            pools,
        )

    def student_loss(params, outputs: Mapping[str, Output], frozen, inputs: Inputs):
        output = student.apply(params["student"], inputs.x, momentum=MOMENTUM, **inputs.options)
        features = method.perceptual.features(frozen["features"])
        terms: Terms = {}
        for taught in outputs.values():
            found = imitation_terms(method.imitation, features, output.image, taught.image)
            terms = {name: terms.get(name, 0) + term for name, term in found.items()}
        if pairs:
            terms["channels"] = channel_distillation_loss(
                method.channels,
                pairs,
                params["adaptors"],
                output.taps,
                outputs[method.first].taps,
            )
        total = sum(terms.values(), jnp.float32(0))
        return total, (terms, {"student": output.statistics})

    def turn(state: TrainState, frozen, batch, index, learn: bool):
        k_terms, k_pools = jax.random.split(jax.random.fold_in(key, index))
        inputs = task.inputs(batch, k_terms)  # the very ones that the games draw
        if not method.games:
            taught = frozen_lessons(frozen, inputs)
        elif learn:
            taught = lessons(state, batch, k_terms, k_pools)
        else:
            taught = resting_lessons(state, inputs)
        gradient, (terms, measured) = jax.grad(student_loss, has_aux=True)(
            state.params["generator"], taught.outputs, frozen, inputs
        )
        results: Any = (
            {"generator": gradient, **taught.gradients},
            {"generator": measured, **taught.statistics},
            terms | taught.terms,
        )
        if axis_name is not None:
            results = jax.lax.pmean(results, axis_name)
        gradients, statistics, scalars = results
        return update(state, gradients, statistics, pools=taught.pools), scalars

    return turn


def make_step(
    method: Omgd,
    optimizers: Optimizers,
    frozen: Mapping[str, Params],
    key: jax.Array,
    *,
    every: int = 1,
    average: float = 0.0,
) -> Callable[[TrainState, Any, int], tuple[TrainState, dict[str, jax.Array]]]:
    """`step(state, batch, index) -> (state, scalars)`, on the host; the state is donated.

    Args:
        method: the objective.
        optimizers: see `make_turn`.
        frozen: of `freeze`.
        key: of everything random.
        every: steps of the student for one of the teachers and the discriminator, who learn in the
            last of them.
        average: see `make_turn`.
    """
    turn = make_turn(method, optimizers, key, average=average)
    # Compiled with and without the teachers' part: no gradient of a convolution is taken in a
    # conditional, which is slow.
    turn = jax.jit(turn, static_argnames="learn", donate_argnums=0)

    def step(state: TrainState, batch, index: int):
        learn = bool(method.games) and (index + 1) % every == 0
        return turn(state, frozen, batch, index, learn=learn)

    return step


def student_of(method: Omgd, state: TrainState) -> Model:
    """The student, of its running average where one was kept."""
    return Model(method.student, generators_of(state)["student"])


def teachers_of(method: Omgd, state: TrainState) -> dict[str, Model]:
    """The teachers that were trained, by name."""
    return {
        name: Model(method.teachers[name], state.params["teacher"][name]["ab"])
        for name in method.games
    }


def _teachers_loss(teachers, discriminators, games: Mapping[str, Game], batch, key):
    terms: Terms = {}
    made = {}
    for name, game in games.items():
        found, made[name] = game.generator_terms(teachers[name], discriminators, batch, key)
        terms |= {f"{name}_{term}": value for term, value in found.items()}
    return sum(terms.values()), (terms, made)


def _discriminators_loss(discriminators, games: Mapping[str, Game], batch, shown):
    terms: Terms = {}
    statistics: Params = {}
    for name, game in games.items():
        # One teacher after the other, also for what is measured.
        found, statistics = game.discriminator_terms(
            merge(discriminators, statistics), batch, shown[name]
        )
        terms |= {f"{name}_{term}": value for term, value in found.items()}
    return sum(terms.values()), (terms, statistics)


def _show(games: Mapping[str, Game], pools, made, key: jax.Array):
    """The fakes that the discriminators are shown, exchanged with those of the pools."""
    kept, shown = {}, {}
    for i, (name, game) in enumerate(games.items()):
        kept[name], shown[name] = {}, {}
        for j, fake in enumerate(game.fakes):
            k = jax.random.fold_in(jax.random.fold_in(key, i), j)
            kept[name][fake], shown[name][fake] = pool.query(
                pools[name][fake], made[name].fakes[fake], k
            )
    return kept, shown
