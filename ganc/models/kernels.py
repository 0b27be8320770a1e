"""The layers of a generator that have kernels, read off one abstract call of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.discovery.fingerprint import Own
from ganc.errors import UserError
from ganc.nn.layers import Conv, ConvTranspose, DepthwiseConv, Linear
from ganc.types import Generator, Group

WITH_KERNELS = (Conv, ConvTranspose, DepthwiseConv, Linear)


class Kernel(NamedTuple):
    """A layer that has a kernel.

    Attributes:
        path: of its parameters, such as "block0/conv1".
        source: the channel groups of its input; None where that is a picture, a label map, a style.
        target: those of its output.
        depthwise: whether it filters each channel by itself.
        bordered: whether the border of its output sees zeros beyond that of its input.
        bias: whether it has one.
    """

    path: str
    source: Group
    target: Group
    depthwise: bool
    bordered: bool
    bias: bool


def kernels_of(generator: Generator) -> tuple[Kernel, ...]:
    """The layers of `ganc.nn` with kernels, in the order of their first calls; nothing compiles.

    Raises:
        UserError: the network is one's own, of other layers.
    """
    if isinstance(generator.spec, Own):
        raise UserError("only a network of the library's families can be rounded to eight bits")
    found: dict[str, Kernel] = {}

    def look(layer: Any, x: jax.Array) -> jax.Array:
        path = "/".join(layer.path)
        found.setdefault(
            path,
            Kernel(
                path,
                *layer.groups,
                depthwise=isinstance(layer, DepthwiseConv),
                bordered=_bordered(layer),
                bias=layer.use_bias,
            ),
        )
        return x

    side = -(-generator.minimum // generator.divisor) * generator.divisor
    picture = jax.ShapeDtypeStruct((1, side, side, generator.channels_in), jnp.float32)
    params = jax.eval_shape(generator.init, jax.random.key(0))
    with each_input(look):
        jax.eval_shape(lambda p, x: generator.apply(p, x), params, picture)
    return tuple(found.values())


def each_input(see: Callable[[Any, jax.Array], jax.Array]) -> Any:
    """`with each_input(see): ...` has every layer with a kernel take `see(layer, x)` for its x."""

    def intercept(call, args, kwargs, context):
        layer = context.module
        if context.method_name == "__call__" and isinstance(layer, WITH_KERNELS):
            args = (see(layer, args[0]), *args[1:])
        return call(*args, **kwargs)

    return nn.intercept_methods(intercept)


def _bordered(layer: Any) -> bool:
    if isinstance(layer, ConvTranspose):
        return True
    return not isinstance(layer, Linear) and bool(layer.pad) and layer.padding == "zero"
