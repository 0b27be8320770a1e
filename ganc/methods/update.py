"""The update that every training step ends with."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ganc.models.statistics import merge
from ganc.types import Params, TrainState

Optimizers = Mapping[str, optax.GradientTransformation]
"""Role -> what trains its parameters; a role is a player, such as "generator"."""

AVERAGED = "generator"
"""The role whose running average is kept, where one is."""


def begin(params: Mapping[str, Params], optimizers: Optimizers, *, average: bool = False, **extra):
    """A `TrainState` at step 0 with the given parameters, by role, and fresh optimisers.

    Args:
        params: role -> parameters.
        optimizers: role -> optimiser.
        average: whether a running average of the generators is kept; it begins as they are.
        extra: what else the steps of a method keep.
    """
    opt_state = {role: optimizers[role].init(tree) for role, tree in params.items()}
    if average:
        extra["average"] = jax.tree.map(jnp.copy, params[AVERAGED])
    return TrainState(jnp.int32(0), dict(params), opt_state, extra)


def make_update(
    optimizers: Optimizers,
    *,
    measured: Mapping[str, frozenset[str]],
    average: float = 0.0,
    project: Callable[[Mapping[str, Params]], Mapping[str, Params]] | None = None,
) -> Callable[..., TrainState]:
    """`update(state, gradients, statistics, **extra) -> state`: one step of all players at once.

    Learned parameters take their optimiser's step. Measured ones take what was measured, and never
    an optimiser's update: not even one that needs no gradient, such as the decay of weights.

    Args:
        optimizers: role -> optimiser.
        measured: role -> paths of the parameters that are measured, such as
            "student/stem_norm/mean".
        average: decay of the running average of the generators, in [0, 1); 0 keeps none. It takes
            no part in training; it is a steadier model to keep.
        project: where the parameters go after the step: a constraint, or a proximal step.

    The gradients are a tree for each role, the statistics the measured part of such trees; `extra`
    replaces entries of the state's. A role without gradients rests: its optimiser takes no step.
    """

    def update(state: TrainState, gradients, statistics: Mapping[str, Params], **extra):
        params: Any = {}
        opt_state: Any = {}
        for role, tree in state.params.items():
            opt_state[role] = state.opt_state[role]
            if role in gradients:
                updates, opt_state[role] = optimizers[role].update(
                    gradients[role], opt_state[role], tree
                )
                updates = _without(updates, measured.get(role, frozenset()))
                tree = optax.apply_updates(tree, updates)
            params[role] = merge(tree, statistics.get(role, {}))
        if project is not None:
            params = project(params)
        extra = state.extra | extra
        if average:
            extra["average"] = optax.incremental_update(
                params[AVERAGED], state.extra["average"], 1 - average
            )
        return TrainState(state.step + 1, params, opt_state, extra)

    return update


def generators_of(state: TrainState) -> Params:
    """The generators to keep: their running average where there is one, else the last ones."""
    return state.extra.get("average", state.params[AVERAGED])


def _without(updates: Params, measured: frozenset[str]) -> Params:
    if not measured:
        return updates

    def drop(path, leaf):
        name = "/".join(str(key.key) for key in path)
        return jnp.zeros_like(leaf) if name in measured else leaf

    return jax.tree_util.tree_map_with_path(drop, updates)
