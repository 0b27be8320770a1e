"""From a Flax module to a `Generator` or a `Discriminator`."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict, freeze, meta

from ganc import channels
from ganc.errors import UserError
from ganc.types import Discriminator, Generator, Masks, Output, Params, Slot, Widths


def build(
    module: Callable[[Widths], nn.Module],
    widths: Mapping[str, int],
    *,
    slots: tuple[Slot, ...],
    taps: Mapping[str, str],
    divisor: int,
    minimum: int,
    spec: Any,
) -> Generator:
    """A generator from a function that makes its module at given widths."""
    full = FrozenDict(sorted(widths.items()))
    example = jnp.zeros((1, 4 * divisor, 4 * divisor, 3))
    boxed = jax.eval_shape(module(full).init, jax.random.key(0), example)["params"]
    axes = jax.tree.map(
        lambda box: tuple(box.names), boxed, is_leaf=lambda x: isinstance(x, meta.AxisMetadata)
    )

    def init(key: jax.Array) -> Params:
        return meta.unbox(module(full).init(key, example)["params"])

    def apply(
        params: Params, x: jax.Array, *, widths: Widths | None = None, masks: Masks | None = None
    ) -> Output:
        _check_size(x.shape, divisor, minimum)
        if widths is None:
            widths = channels.read_widths(params, axes)
        return cast(Output, module(freeze(widths)).apply({"params": params}, x, masks))

    return Generator(init, apply, axes, full, slots, dict(taps), divisor, minimum, spec)


def _check_size(shape: tuple[int, ...], divisor: int, minimum: int) -> None:
    if len(shape) != 4 or shape[-1] != 3:
        raise UserError(f"a batch of pictures is (b, h, w, 3), got {shape}")
    if any(size % divisor or size < minimum for size in shape[1:3]):
        raise UserError(
            f"height and width must be multiples of {divisor} and at least {minimum}, "
            f"got {shape[1]}x{shape[2]}"
        )


def build_discriminator(module: nn.Module, channels_in: int, spec: Any) -> Discriminator:
    """A discriminator from its module."""
    example = jnp.zeros((1, 64, 64, channels_in))

    def init(key: jax.Array) -> Params:
        return meta.unbox(module.init(key, example)["params"])

    def apply(params: Params, x: jax.Array) -> jax.Array:
        return cast(jax.Array, module.apply({"params": params}, x))

    return Discriminator(init, apply, spec)
