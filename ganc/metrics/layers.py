"""The layers of a network in the order in which they run, from one abstract trace."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from ganc.types import Discriminator, Generator


class Call(NamedTuple):
    """One call of a layer.

    Attributes:
        path: where its parameters stand in the tree.
        layer: the module.
        given: shape and type of its first argument.
        made: of its result.
    """

    path: tuple[str, ...]
    layer: nn.Module
    given: Any
    made: Any


def calls(
    network: Generator | Discriminator,
    height: int,
    width: int,
    inputs: Mapping[str, jax.ShapeDtypeStruct] = FrozenDict(),
) -> list[Call]:
    """Every call that one picture of `height` x `width` makes, inner ones before outer ones.

    `inputs` are a family's own. Nothing is compiled or computed.
    """
    params = jax.eval_shape(network.init, jax.random.key(0))
    picture = jax.ShapeDtypeStruct((1, height, width, network.channels_in), jnp.float32)
    return calls_of(lambda p, x, more: network.apply(p, x, **more), params, picture, inputs)


def calls_of(function: Callable[..., Any], *args: Any) -> list[Call]:
    """Every call of a layer that `function` makes of arguments with the shapes of `args`."""
    found: list[Call] = []

    def record(call, args, kwargs, context):
        made = call(*args, **kwargs)
        if context.method_name == "__call__":
            layer = context.module
            found.append(Call(layer.path, layer, *jax.tree.map(_abstract, (args[0], made))))
        return made

    with nn.intercept_methods(record):
        jax.eval_shape(function, *args)
    return found


def _abstract(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)
