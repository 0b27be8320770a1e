"""Training from scratch: the two players of a game, and nothing else.

This is how teachers come about.

Reference: Goodfellow et al. 2014 (arXiv 1406.2661); the tasks name theirs.
"""

from collections.abc import Callable
from typing import Any

import jax

from ganc.methods.update import Optimizers, begin, make_update
from ganc.tasks import pool
from ganc.tasks.task import Game
from ganc.types import TrainState


def init(
    game: Game,
    key: jax.Array,
    optimizers: Optimizers,
    shape: tuple[int, int, int],
    *,
    average: float = 0.0,
) -> TrainState:
    """Fresh players, optimiser states and empty pools for fakes of `shape` (h, w, c)."""
    pools = {name: pool.init(game.pool, shape) for name in game.fakes}
    return begin(game.init(key), optimizers, average=bool(average), pools=pools)


def begin_game(
    game: Game,
    key: jax.Array,
    optimizers: Optimizers,
    shape: tuple[int, int, int],
    *,
    average: float = 0.0,
) -> tuple[TrainState, Callable[..., tuple[TrainState, dict[str, jax.Array]]]]:
    """The state of `init` and the compiled step of `make_step`, which donates it.

    `key` is of the first weights and of everything random in the steps.
    """
    k_init, k_train = jax.random.split(key)
    state = init(game, k_init, optimizers, shape, average=average)
    step = make_step(game, optimizers, k_train, average=average)
    return state, jax.jit(step, donate_argnums=0)


def make_step(
    game: Game,
    optimizers: Optimizers,
    key: jax.Array,
    *,
    average: float = 0.0,
    axis_name: str | None = None,
) -> Callable[[TrainState, Any, Any], tuple[TrainState, dict[str, jax.Array]]]:
    """`step(state, batch, index) -> (state, scalars)`, to be compiled.

    The discriminators learn from the fakes of before the generators' step, exchanged with the
    pools. As neither gradient depends on the other's update, both are taken at once.

    Args:
        game: what is played.
        optimizers: of "generator" and "discriminator".
        key: of everything random; the step's index is folded in.
        average: decay of the running average of the generators; 0 keeps none.
        axis_name: an axis of `jax.pmap`, or of `jax.shard_map` with `check_vma=False`, over which
            gradients, statistics and scalars are averaged.
    """
    update = make_update(optimizers, measured=game.measured, average=average)

    def generator_loss(generators, discriminators, batch, key):
        terms, made = game.generator_terms(generators, discriminators, batch, key)
        return sum(terms.values()), (terms, made)

    def discriminator_loss(discriminators, batch, shown):
        terms, statistics = game.discriminator_terms(discriminators, batch, shown)
        return sum(terms.values()), (terms, statistics)

    def step(state: TrainState, batch, index):
        *keys, k_terms = jax.random.split(jax.random.fold_in(key, index), len(game.fakes) + 1)
        generators, discriminators = state.params["generator"], state.params["discriminator"]
        g_grads, (g_terms, made) = jax.grad(generator_loss, has_aux=True)(
            generators, discriminators, batch, k_terms
        )
        pools, shown = {}, {}
        for name, k in zip(game.fakes, keys, strict=True):
            pools[name], shown[name] = pool.query(state.extra["pools"][name], made.fakes[name], k)
        d_grads, (d_terms, d_statistics) = jax.grad(discriminator_loss, has_aux=True)(
            discriminators, batch, shown
        )
        results: Any = (
            {"generator": g_grads, "discriminator": d_grads},
            {"generator": made.statistics, "discriminator": d_statistics},
            g_terms | d_terms,
        )
        if axis_name is not None:
            results = jax.lax.pmean(results, axis_name)
        gradients, statistics, scalars = results
        return update(state, gradients, statistics, pools=pools), scalars

    return step
