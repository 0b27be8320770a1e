"""Self-supervised compression: the trained discriminator supervises a generator that is pruned.

A pruned copy of a generator learns until the loss items of its game, as the discriminator sees
them, are those of the original: no picture has to match, and no new loss is needed, only the items
that the `Game` of any task names. Everything that its publication compares it with is a choice of
the fields below, so that one step serves them all.

Reference: Yu and Pool 2020 (arXiv 2007.01491), equations 7 to 9 and table 1.

Inferred, as there is no public code: what the discriminator learns from while it is not fixed (the
game's own terms on the pictures of the pruned generator), and that both generators are judged by it
as it is then; the floor of the normalisers; that randomness is shared between the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict

from ganc.losses.reconstruction import l1_loss, l2_loss
from ganc.losses.relative import relative_gaps
from ganc.methods.update import Optimizers, begin, generators_of, make_update
from ganc.pruning.pruner import Pruner
from ganc.pruning.schedule import Gradual
from ganc.tasks import pool
from ganc.tasks.task import Game, Made, Terms
from ganc.types import Params, TrainState


@dataclass(frozen=True)
class Aim:
    """What the generator that learns minimises.

    Attributes:
        items: `gaps`, the relative gaps of all loss items to those of the teacher; `native`, the
            game's own terms of a generator; or `none` of them.
        balance: weight of the gaps of the discriminator's items, $\\lambda$: 0.5 in every
            experiment of the publication.
        floor: the least that a gap is divided by, see `relative_gaps`.
        imitation: weight of the mean |picture - teacher's picture|.
        taps: weight of the mean squared difference of the activations that the generators name.
    """

    items: Literal["gaps", "native", "none"] = "gaps"
    balance: float = 0.5
    floor: float = 0.05
    imitation: float = 0.0
    taps: float = 0.0


@dataclass(frozen=True, eq=False)
class SelfSupervised:
    """The objective.

    Attributes:
        game: whose loss items, of generators of the shapes of the teacher's.
        aim: what is minimised.
        learning: the directions whose generators learn; the others stay as they are given.
        frozen: whether the discriminators stay as they are given.
        real: what the discriminators take for real: pictures of the data, or the teacher's.
        fakes: whose pictures they learn to tell from those.
        pruners: role -> how each of its networks is pruned; a role without stays dense.
    """

    game: Game
    aim: Aim = Aim()
    learning: tuple[str, ...] = ("ab",)
    frozen: bool = False
    real: Literal["data", "teacher"] = "data"
    fakes: Literal["student", "teacher"] = "student"
    pruners: Mapping[str, Pruner] = field(default_factory=FrozenDict)

    @property
    def taught(self) -> bool:
        """Whether a teacher's pictures are needed at all."""
        compared = self.aim.items == "gaps" or self.aim.imitation or self.aim.taps
        return bool(compared) or "teacher" in (self.real, self.fakes)

    def project(self, params: Mapping[str, Params], masks: Mapping[str, Params]):
        """All players with exact zeros where the masks say."""
        return {
            role: {
                name: self.pruners[role].apply(tree, masks[role][name]) if role in masks else tree
                for name, tree in trees.items()
            }
            for role, trees in params.items()
        }


def init(
    method: SelfSupervised,
    players: Mapping[str, Mapping[str, Params]],
    optimizers: Optimizers,
    shape: tuple[int, int, int],
    *,
    average: float = 0.0,
) -> TrainState:
    """The state at step 0.

    Args:
        method: the objective.
        players: the first parameters of all networks, as `Game.init` returns them.
        optimizers: of "generator" and "discriminator".
        shape: (h, w, c) of pictures, for the pools of fakes.
        average: decay of the running average of the generators; 0 keeps none.
    """
    generators = {name: players["generator"][name] for name in method.learning}
    params = {"generator": generators, "discriminator": dict(players["discriminator"])}
    params = jax.tree.map(jnp.array, params)  # copies: the state is donated
    masks = {
        role: {name: how.init() for name in params[role]} for role, how in method.pruners.items()
    }
    pools = {name: pool.init(method.game.pool, shape) for name in method.game.fakes}
    return begin(params, optimizers, average=bool(average), pools=pools, masks=masks)


def make_turn(
    method: SelfSupervised,
    optimizers: Optimizers,
    key: jax.Array,
    *,
    average: float = 0.0,
    axis_name: str | None = None,
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """`turn(state, teachers, batch, index) -> (state, scalars)`: a step under given masks; pure.

    `teachers` are the generators of all directions: of those that learn the original, of the others
    what they are. Both players' gradients are taken at the same parameters.

    Args:
        method: the objective.
        optimizers: of "generator" and "discriminator".
        key: of everything random; the step's index is folded in.
        average: decay of the running average of the generators; 0 keeps none.
        axis_name: see `adversarial.make_step`.
    """
    game, aim = method.game, method.aim

    def generator_loss(learned, teachers, discriminators, batch, k):
        theirs, shown = {}, None
        if method.taught:
            theirs, shown = game.generator_terms(teachers, discriminators, batch, k)
            shown = jax.lax.stop_gradient(shown)
            if method.real == "teacher":
                batch = batch | {"b": shown.fakes["b"]}
        ours, made = game.generator_terms({**teachers, **learned}, discriminators, batch, k)
        terms, floored = _terms(method, discriminators, batch, (theirs, shown), (ours, made))
        return sum(terms.values(), jnp.float32(0)), (terms, floored, made, shown)

    def discriminator_loss(discriminators, batch, fakes):
        terms, statistics = game.discriminator_terms(discriminators, batch, fakes)
        return sum(terms.values()), (terms, statistics)

    def turn(state: TrainState, teachers, batch, index):
        *keys, k_terms = jax.random.split(jax.random.fold_in(key, index), len(game.fakes) + 1)
        params, pools = state.params, state.extra["pools"]
        gradients, (terms, floored, made, shown) = jax.grad(generator_loss, has_aux=True)(
            params["generator"], teachers, params["discriminator"], batch, k_terms
        )
        found: dict[str, Any] = {"generator": gradients}
        statistics = {"generator": {d: made.statistics[d] for d in method.learning}}
        if aim.items == "gaps":
            terms = terms | {"floored": floored}
        if not method.frozen:
            if method.real == "teacher":
                batch = batch | {"b": shown.fakes["b"]}
            fakes = (shown if method.fakes == "teacher" else made).fakes
            named = zip(game.fakes, keys, strict=True)
            queried = {name: pool.query(pools[name], fakes[name], k) for name, k in named}
            pools = {name: kept for name, (kept, _) in queried.items()}
            found["discriminator"], (more, statistics["discriminator"]) = jax.grad(
                discriminator_loss, has_aux=True
            )(params["discriminator"], batch, {name: seen for name, (_, seen) in queried.items()})
            terms = terms | more
        if axis_name is not None:
            found, statistics, terms = jax.lax.pmean((found, statistics, terms), axis_name)
        update = make_update(
            optimizers,
            measured=game.measured,
            average=average,
            project=partial(method.project, masks=state.extra["masks"]),
        )
        return update(state, found, statistics, pools=pools), terms

    return turn


def _terms(
    method: SelfSupervised,
    discriminators: Params,
    batch: Any,
    teacher: tuple[Terms, Made | None],
    student: tuple[Terms, Made],
) -> tuple[Terms, jax.Array]:
    """What the generators minimise, and how many gaps were divided by the floor."""
    game, aim = method.game, method.aim
    (theirs, shown), (ours, made) = teacher, student
    terms, floored = {}, jnp.float32(0)
    if aim.items == "native":
        terms |= ours
    if aim.items == "gaps":
        assert shown is not None
        judged, _ = game.discriminator_terms(discriminators, batch, shown.fakes)
        judged_too, _ = game.discriminator_terms(discriminators, batch, made.fakes)
        gaps, floored = relative_gaps(theirs, ours, game.weights, aim.floor)
        more, also = relative_gaps(judged, judged_too, game.weights, aim.floor)
        terms |= {f"gap_{name}": gap for name, gap in gaps.items()}
        terms |= {f"gap_{name}": aim.balance * gap for name, gap in more.items()}
        floored += also
    if aim.imitation and shown is not None:
        gaps = [l1_loss(made.fakes[name], shown.fakes[name]) for name in game.fakes]
        terms["imitation"] = aim.imitation * sum(gaps, jnp.float32(0))
    if aim.taps and shown is not None:
        gaps = [
            l2_loss(ours, shown.taps[domain][name])
            for domain, taps in made.taps.items()
            for name, ours in taps.items()
        ]
        terms["taps"] = aim.taps * sum(gaps, jnp.float32(0))
    return terms, floored


def tighten(method: SelfSupervised, state: TrainState, sparsity: float) -> TrainState:
    """`state` with masks of that sparsity, on the host, and with zeros where they say."""
    host = jax.device_get((state.params, state.extra["masks"]))
    masks = {
        role: {
            name: method.pruners[role].tighten(host[0][role][name], mask, sparsity)
            for name, mask in trees.items()
        }
        for role, trees in host[1].items()
    }

    def place(new: Any, old: jax.Array) -> jax.Array:
        return jax.device_put(new, old.sharding)

    masks = jax.tree.map(place, masks, state.extra["masks"])
    params = jax.tree.map(place, method.project(state.params, masks), state.params)
    return state._replace(params=params, extra=state.extra | {"masks": masks})


def make_step(
    method: SelfSupervised,
    optimizers: Optimizers,
    teachers: Mapping[str, Params],
    key: jax.Array,
    *,
    schedule: Gradual | None = None,
    average: float = 0.0,
) -> Callable[[TrainState, Any, int], tuple[TrainState, dict[str, Any]]]:
    """`step(state, batch, index) -> (state, scalars)`, on the host; the state is donated.

    Args:
        method: the objective.
        optimizers: of "generator" and "discriminator".
        teachers: see `make_turn`.
        key: of everything random.
        schedule: when masks tighten, and to what; None: never.
        average: decay of the running average of the generators; 0 keeps none.
    """
    turn = jax.jit(make_turn(method, optimizers, key, average=average), donate_argnums=0)

    def step(state: TrainState, batch, index: int):
        if schedule is None:
            return turn(state, teachers, batch, index)
        if schedule.due(index):
            state = tighten(method, state, schedule.sparsity(index))
        state, scalars = turn(state, teachers, batch, index)
        last = index // schedule.every * schedule.every
        return state, scalars | {"sparsity": np.float32(schedule.sparsity(last))}

    def lower(state: TrainState, batch, index: int):
        return turn.lower(state, teachers, batch, index)

    step.lower = lower  # type: ignore[attr-defined]
    return step


def finalize(method: SelfSupervised, state: TrainState) -> dict[str, Params]:
    """The generators that learned, by direction, with zeros where they are pruned.

    Where a running average was kept it forgets what was pruned but slowly; the masks decide.
    """
    players = {"generator": generators_of(state)}
    return dict(method.project(players, state.extra["masks"])["generator"])
