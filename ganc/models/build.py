"""From a Flax module to a `Generator` or a `Discriminator`.

A module keeps what it learns and what it measures in two Flax collections; outside they are one
tree of parameters, as in a PyTorch state dict, so that slicing, storing and loading see one thing.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict, freeze, meta
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.core import Tracer

from ganc import channels
from ganc.errors import UserError
from ganc.nn.call import bind
from ganc.nn.norm import STATISTICS
from ganc.nn.precision import raised
from ganc.types import (
    Axes,
    Channels,
    Discriminator,
    Generator,
    Masks,
    Output,
    Params,
    Slot,
    Verdict,
    Widths,
)


def build(
    module: Callable[[Widths], nn.Module],
    *,
    slots: tuple[Slot, ...],
    base: int,
    taps: Mapping[str, Channels],
    divisor: int,
    minimum: int,
    spec: Any,
    channels_in: int = 3,
) -> Generator:
    """A generator from a function that makes its module at given widths.

    The module takes `(x, **inputs)` and returns an `Output`; its layers read masks and momentum off
    the call (`ganc/nn/call.py`).

    Args:
        module: channel widths -> the module.
        slots: the entries of an architecture.
        base: what every slot has at full width.
        taps: name of each tap -> its channel group, or groups where they are concatenated.
        divisor: height and width of the input must be multiples of this.
        minimum: the least height and width.
        spec: what the generator is remembered by.
        channels_in: channels of the input.
    """
    driven = {group: base * times for slot in slots for group, times in slot.groups.items()}
    full = FrozenDict(sorted(driven.items()))
    side = -(-minimum // divisor) * divisor
    axes, statistics = _describe(module(full), (1, side, side, channels_in))

    def init(key: jax.Array, widths: Widths = full) -> Params:
        return _init(module(freeze(widths)), key, (1, side, side, channels_in))

    def apply(
        params: Params,
        x: jax.Array,
        *,
        widths: Widths | None = None,
        masks: Masks | None = None,
        momentum: float | None = None,
        **inputs: Any,
    ) -> Output:
        _check_size(x.shape, channels_in, divisor, minimum)
        if widths is None:
            widths = channels.read_widths(params, axes)
        network, bound = module(freeze(widths)), (masks, momentum)
        output, measured = _call(network, statistics, params, bound, x, inputs)
        return output._replace(statistics=measured)

    return Generator(
        init=init,
        apply=apply,
        axes=axes,
        statistics=statistics,
        widths=full,
        slots=slots,
        taps=dict(taps),
        divisor=divisor,
        minimum=minimum,
        channels_in=channels_in,
        spec=spec,
    )


def build_discriminator(
    module: nn.Module, channels_in: int, spec: Any, side: int = 64
) -> Discriminator:
    """A discriminator from its module, which takes `(x, **inputs)`; see `build`.

    Args:
        module: returns a `Verdict`.
        channels_in: channels of the input.
        spec: what the discriminator is remembered by.
        side: a size that the module can take, to build it at.
    """
    example = (1, side, side, channels_in)
    axes, statistics = _describe(module, example)

    def init(key: jax.Array) -> Params:
        return _init(module, key, example)

    def apply(
        params: Params, x: jax.Array, *, momentum: float | None = None, **inputs: Any
    ) -> Verdict:
        verdict, measured = _call(module, statistics, params, (None, momentum), x, inputs)
        return verdict._replace(statistics=measured)

    return Discriminator(init, apply, spec, channels_in, statistics, axes)


def _init(module: nn.Module, key: jax.Array, shape: tuple[int, ...]) -> Params:
    """The weights, drawn without running the network, which would compile its every operation."""
    drawn: dict[str, Any] = {}

    def trace(x: jax.Array) -> None:
        with jax.ensure_compile_time_eval():  # of what depends on no picture: the weights
            drawn.update(module.init(key, x))

    if isinstance(key, Tracer):  # nothing runs anyway
        drawn.update(module.init(key, jnp.zeros(shape)))
    else:
        jax.eval_shape(trace, jax.ShapeDtypeStruct(shape, jnp.float32))
    return _join(meta.unbox(drawn))


def _describe(module: nn.Module, shape: tuple[int, ...]) -> tuple[Axes, frozenset[str]]:
    example = jax.ShapeDtypeStruct(shape, jnp.float32)
    boxed = jax.eval_shape(module.init, jax.random.key(0), example)
    axes = jax.tree.map(
        lambda box: tuple(box.names), boxed, is_leaf=lambda x: isinstance(x, meta.AxisMetadata)
    )
    return _join(axes), frozenset(flatten_dict(boxed.get(STATISTICS, {}), sep="/"))


def _join(variables: Mapping[str, Any]) -> Params:
    flat: dict[str, Any] = {}
    for collection in variables.values():
        flat |= flatten_dict(collection, sep="/")
    return unflatten_dict(flat, sep="/")


def _call(
    module: nn.Module,
    statistics: frozenset[str],
    params: Params,
    bound: tuple[Masks | None, float | None],
    x: jax.Array,
    inputs: Mapping[str, Any],
) -> tuple[Any, Params]:
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    learned = {name: leaf for name, leaf in flat.items() if name not in statistics}
    measured = {name: leaf for name, leaf in flat.items() if name in statistics}
    variables = {
        "params": unflatten_dict(learned, sep="/"),
        STATISTICS: unflatten_dict(measured, sep="/"),
        **bind(*bound),
    }
    _, momentum = bound
    if momentum is None or not statistics:
        return jax.tree.map(raised, module.apply(variables, x, **inputs)), FrozenDict()
    result, updated = module.apply(variables, x, mutable=[STATISTICS], **inputs)
    return jax.tree.map(raised, result), updated[STATISTICS]


def _check_size(shape: tuple[int, ...], channels_in: int, divisor: int, minimum: int) -> None:
    if len(shape) != 4 or shape[-1] != channels_in:
        raise UserError(f"a batch of pictures is (b, h, w, {channels_in}), got {shape}")
    if any(size % divisor or size < minimum for size in shape[1:3]):
        raise UserError(
            f"height and width must be multiples of {divisor} and at least {minimum}, "
            f"got {shape[1]}x{shape[2]}"
        )
