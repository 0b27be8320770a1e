"""The step of online multi-granularity distillation: its parts, each compiled by itself.

Reference: Ren et al. 2021 (arXiv 2108.06908); Li et al. 2020 (arXiv 2003.08936) for supernets.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc import channels
from ganc.losses.channel_distillation import channel_adaptor_axes, channel_distillation_loss
from ganc.losses.imitation import imitation_terms
from ganc.methods.omgd import Omgd
from ganc.methods.once_for_all import draw
from ganc.methods.update import Optimizers, make_update
from ganc.models.statistics import MOMENTUM, merge
from ganc.search.classes import ShapeClasses
from ganc.tasks import pool
from ganc.tasks.task import Game, Inputs, Terms
from ganc.types import Output, Params, TrainState


class Lessons(NamedTuple):
    """What the teachers give in a step.

    Attributes:
        outputs: name -> a teacher's pictures of domain b and their taps, before it learns.
        statistics: of the teachers.
        gradients: of the teachers; None where they rest.
        terms: of each, under its name.
        fakes: name -> its pictures for the discriminators.
    """

    outputs: Mapping[str, Output]
    statistics: Params = FrozenDict()
    gradients: Params | None = None
    terms: Mapping[str, jax.Array] = FrozenDict()
    fakes: Mapping[str, Mapping[str, jax.Array]] = FrozenDict()


class Parts(NamedTuple):
    """The pure functions that a step is made of; each is compiled by itself.

    Attributes:
        teach: `(params, batch, inputs, key) -> Lessons` of teachers who learn.
        rest: `(params, inputs) -> Lessons` of those who do not in this step; they draw as they do
            when they learn, so their statistics move on.
        recite: `(frozen, inputs) -> Lessons` of those who never do.
        student: `(params, outputs, frozen, inputs, masks, shape) -> (gradients, statistics,
            terms)`; of a supernet `shape` (hashable widths) is the class to slice to and `masks`
            the architecture inside it, of others both are None.
        discriminator: `(params, pools, batch, fakes, key) -> (gradients, statistics, terms,
            pools)`.
        update: of `make_update`.
    """

    teach: Callable[..., Lessons]
    rest: Callable[..., Lessons]
    recite: Callable[..., Lessons]
    student: Callable
    discriminator: Callable
    update: Callable[..., TrainState]


def make_parts(
    method: Omgd, optimizers: Optimizers, *, average: float = 0.0, axis_name: str | None = None
) -> Parts:
    """The functions of `Parts`.

    All gradients are taken at the same parameters: those of the teachers see the discriminator, and
    that of the student the teachers, as they were before the step.

    Args:
        method: the objective.
        optimizers: of "generator", which is the student with its adaptors, and, where there are
            games, of "teacher" and "discriminator".
        average: decay of the running average of the student; 0 keeps none.
        axis_name: an axis of `jax.pmap`, or of `jax.shard_map` with `check_vma=False`, over which
            gradients, statistics and scalars are averaged.
    """
    student, teachers, games = method.student, method.teachers, method.games
    first = teachers[method.first]
    pairs = method.channels.pairs(student, first)
    axes = {
        "student": student.axes,
        "adaptors": channel_adaptor_axes(method.channels, student, first),
    }

    def over_devices(tree):
        return tree if axis_name is None else jax.lax.pmean(tree, axis_name)

    def seen(name: str, image: jax.Array, taps: Mapping[str, jax.Array]) -> Output:
        # A program computes all that it returns, so what nobody needs must not be returned.
        wanted = (*pairs.values(), *method.channels.plain) if pairs and name == method.first else ()
        return Output(image, {tap: taps[tap] for tap in dict.fromkeys(wanted)})

    def lesson(name: str, params, inputs: Inputs) -> Output:
        return teachers[name].apply(params, inputs.x, momentum=MOMENTUM, **inputs.options)

    def teach(params, batch, inputs: Inputs, key) -> Lessons:
        gradients, (terms, made) = jax.grad(_teachers_loss, has_aux=True)(
            params["teacher"], params["discriminator"], games, batch, key
        )
        outputs = {}
        for name, each in made.items():
            if "b" in each.taps:
                outputs[name] = seen(name, each.fakes["b"], each.taps["b"])
            else:  # the game draws from other inputs, such as MUNIT's in styles of its own
                drawn = lesson(name, params["teacher"][name]["ab"], inputs)
                outputs[name] = seen(name, drawn.image, drawn.taps)
        fakes = {name: each.fakes for name, each in made.items()}
        statistics = {name: each.statistics for name, each in made.items()}
        statistics, gradients, terms = over_devices((statistics, gradients, terms))
        return Lessons(outputs, statistics, gradients, terms, fakes)

    def rest(params, inputs: Inputs) -> Lessons:
        outputs = {name: lesson(name, params["teacher"][name]["ab"], inputs) for name in teachers}
        statistics = {name: {"ab": output.statistics} for name, output in outputs.items()}
        lessons = {name: seen(name, made.image, made.taps) for name, made in outputs.items()}
        return Lessons(lessons, over_devices(statistics))

    def recite(frozen, inputs: Inputs) -> Lessons:
        outputs = {
            name: generator.apply(frozen["teachers"][name], inputs.x, **inputs.options)
            for name, generator in teachers.items()
        }
        return Lessons({name: seen(name, made.image, made.taps) for name, made in outputs.items()})

    def student_loss(params, outputs: Mapping[str, Output], frozen, inputs: Inputs, masks, shape):
        keep = channels.prefix(shape or {})
        sliced = channels.slice_params(params, axes, keep)
        output = student.apply(
            sliced["student"],
            inputs.x,
            widths=shape,
            masks=masks,
            momentum=MOMENTUM,
            **inputs.options,
        )
        features = method.perceptual.features(frozen["features"])
        pictures = [taught.image for taught in outputs.values()]
        terms = imitation_terms(method.imitation, features, output.image, pictures)
        if pairs:
            terms["channels"] = channel_distillation_loss(
                method.channels,
                pairs,
                sliced["adaptors"],
                output.taps,
                outputs[method.first].taps,
            )
        total = sum(terms.values(), jnp.float32(0))
        measured = channels.put_back(params["student"], student.axes, keep, output.statistics)
        return total, ({"student": measured}, terms)

    def learn(params, outputs, frozen, inputs, masks=None, shape=None):
        gradients, (statistics, terms) = jax.grad(student_loss, has_aux=True)(
            params, outputs, frozen, inputs, masks, shape
        )
        return over_devices((gradients, statistics, terms))

    def discriminator(params, pools, batch, fakes, key):
        pools, shown = _show(games, pools, fakes, key)
        gradients, (terms, statistics) = jax.grad(_discriminators_loss, has_aux=True)(
            params, games, batch, shown
        )
        return *over_devices((gradients, statistics, terms)), pools

    update = make_update(optimizers, measured=method.measured, average=average)
    return Parts(teach, rest, recite, learn, discriminator, update)


def make_turn(
    method: Omgd, parts: Parts, key: jax.Array
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """`turn(state, frozen, batch, index, learn, masks, shape) -> (state, scalars)`.

    It is pure if the parts are. `learn`, which is static, says whether teachers and discriminators
    learn in this step, if they ever do. `frozen` is that of `freeze`. `masks` and `shape`, which is
    static, are the architecture of a supernet; see `Parts`.

    Args:
        method: the objective.
        parts: of `make_parts`.
        key: of everything random; the step's index is folded in.
    """

    def turn(state: TrainState, frozen, batch, index, learn: bool, masks=None, shape=None):
        k_terms, k_pools = jax.random.split(jax.random.fold_in(key, index))
        inputs = method.task.inputs(batch, k_terms)  # those of the games, where they have taps
        params, pools, found = state.params, state.extra["pools"], {}
        if not method.games:
            taught = parts.recite(frozen, inputs)
        elif learn:
            taught = parts.teach(params, batch, inputs, k_terms)
            *found["discriminator"], pools = parts.discriminator(
                params["discriminator"], pools, batch, taught.fakes, k_pools
            )
        else:
            taught = parts.rest(params, inputs)
        found["generator"] = parts.student(
            params["generator"], taught.outputs, frozen, inputs, masks, shape=shape
        )
        gradients = {role: each[0] for role, each in found.items()}
        statistics = {role: each[1] for role, each in found.items()}
        terms = {**found["generator"][2], **taught.terms, **found.get("discriminator", ({},))[-1]}
        if method.games:
            statistics["teacher"] = taught.statistics
        if taught.gradients is not None:
            gradients["teacher"] = taught.gradients
        return parts.update(state, gradients, statistics, pools=pools), terms

    return turn


def compiled(parts: Parts) -> Parts:
    """Each of `parts` as a program of its own; the state that is updated is donated."""
    return Parts._make(map(jax.jit, parts))._replace(
        student=jax.jit(parts.student, static_argnames="shape"),
        update=jax.jit(parts.update, donate_argnums=0),
    )


def make_step(
    method: Omgd,
    parts: Parts,
    frozen: Mapping[str, Params],
    key: jax.Array,
    *,
    every: int = 1,
    classes: ShapeClasses | None = None,
    seed: int = 0,
) -> Callable[[TrainState, Any, int], tuple[TrainState, dict[str, jax.Array]]]:
    """`step(state, batch, index) -> (state, scalars)`, on the host.

    Args:
        method: the objective.
        parts: of `compiled`.
        frozen: of `freeze`.
        key: of everything random.
        every: steps of the student for one of the teachers and the discriminator, who learn in the
            last of them.
        classes: of a student that is a supernet: in every step one architecture of it learns, drawn
            by `once_for_all.draw`, and each class is compiled once.
        seed: of those draws.
    """
    turn = make_turn(method, parts, key)

    def step(state: TrainState, batch, index: int):
        learn = (index + 1) % every == 0
        if classes is None:
            return turn(state, frozen, batch, index, learn)
        (arch,) = draw(classes.space, "uniform", seed, index)
        masks, shape = classes.masked(arch)
        return turn(state, frozen, batch, index, learn, masks, shape)

    def lower(state: TrainState, batch, index: int):
        """The teachers' gradient where they learn, else the student's, of its largest class."""
        inputs = method.task.inputs(batch, jax.random.fold_in(key, index))
        if method.games:
            return parts.teach.lower(state.params, batch, inputs, key)  # type: ignore[attr-defined]
        outputs = jax.eval_shape(parts.recite, frozen, inputs).outputs
        masks, shape = (None, None) if classes is None else classes.masked(classes.space.largest)
        learned = state.params["generator"]
        student: Any = parts.student
        return student.lower(learned, outputs, frozen, inputs, masks, shape=shape)

    step.lower = lower  # type: ignore[attr-defined]
    return step


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


def _show(games: Mapping[str, Game], pools, fakes, key: jax.Array):
    """The fakes that the discriminators are shown, exchanged with those of the pools."""
    kept, shown = {}, {}
    for i, (name, game) in enumerate(games.items()):
        kept[name], shown[name] = {}, {}
        for j, fake in enumerate(game.fakes):
            k = jax.random.fold_in(jax.random.fold_in(key, i), j)
            kept[name][fake], shown[name][fake] = pool.query(
                pools[name][fake], fakes[name][fake], k
            )
    return kept, shown
