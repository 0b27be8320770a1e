"""A generator of the library made of any network: a function and its parameters."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict

from ganc import channels
from ganc.discovery.evaluate import run
from ganc.discovery.fingerprint import Own, fingerprint
from ganc.discovery.gates import plan
from ganc.discovery.groups import Discovery, analyse, as_output
from ganc.discovery.layout import Layout
from ganc.errors import UserError
from ganc.types import Channels, Generator, Masks, Output, Params, Slot, Widths


def own(
    apply: Callable[..., Any],
    params: Any,
    example: Any,
    *,
    name: str = "own",
    init: Callable[[jax.Array], Any] | None = None,
    base: int | None = None,
    divisor: int = 1,
    minimum: int = 1,
    statistics: frozenset[str] = frozenset(),
    **inputs: Any,
) -> Generator:
    """A `Generator` of any network, whose channel groups are read off its computation.

    What `apply` computes is traced and, at other widths or under masks, run again step by step
    (`evaluate.run`); with its own parameters and no masks it is called as it is. Its arrays may lie
    in any tree; the generator's `init` gives them as nested dicts. Every group is a slot, as many
    times `base` wide as it is, so that one list of base widths narrows all in proportion.

    Args:
        apply: `apply(params, x, **inputs)` -> pictures (b h w 3), or an `Output`, whose taps can be
            distilled. It is traced once per shape of `x`, and may not depend on values.
        params: what it learned; with `init`, their shapes are enough.
        example: pictures that it takes (b h w c), or their shape.
        name: to remember it by.
        init: key -> new parameters; without it, every training starts from `params`.
        base: what every slot has at full width; by default the greatest common divisor of all.
        divisor: height and width of the input must be multiples of this.
        minimum: the least height and width.
        statistics: paths of parameters that are measured, which no training moves: running means
            and variances, normalised by as they are.
        inputs: examples of what else `apply` takes.

    Raises:
        UserError: two parameters have the same path, `base` does not divide a width, or nothing
            says what a training starts from.
    """
    if init is None and any(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(params)):
        raise UserError("of a network whose parameters are shapes, own(...) needs init too")
    layout = Layout(params)
    shapes = jax.tree.map(_shape, layout.named(params))
    network = _Network(apply, layout, shapes)
    found = network.at(_key(example), _key(inputs)).discovery

    def begin(key: jax.Array, widths: Widths = found.widths) -> Params:
        whole = layout.named(params if init is None else init(key))
        whole = jax.tree.map(jnp.asarray, whole)
        return channels.slice_params(whole, found.axes, channels.prefix(widths))

    def call(
        params: Params,
        x: Any,
        *,
        widths: Widths | None = None,
        masks: Masks | None = None,
        momentum: float | None = None,
        **inputs: Any,
    ) -> Output:
        del momentum  # nothing is measured
        _check_size(np.shape(x), np.shape(example)[-1], divisor, minimum)
        if widths is None:
            widths = channels.read_widths(params, found.axes)
        return network(params, x, inputs, found.axes, widths, masks)

    return Generator(
        init=begin,
        apply=call,
        axes=found.axes,
        widths=found.widths,
        slots=_slots(found.widths, base),
        taps=_taps(found),
        divisor=divisor,
        minimum=minimum,
        spec=Own(name, fingerprint(found), jax.__version__, np.shape(example)),
        channels_in=np.shape(example)[-1],
        statistics=statistics,
    )


def discovery_of(
    generator: Generator, shape: tuple[int, ...] | None = None, **inputs: Any
) -> Discovery:
    """What the computation of a generator says about its channels; nothing is computed.

    Args:
        generator: that `own` made.
        shape: of what it is given, by default that of its example.
        inputs: shapes of what else it takes.
    """
    params = jax.eval_shape(generator.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct(shape or generator.spec.shape, jnp.float32)
    return analyse(lambda p, x, more: generator.apply(p, x, **more), params, x, inputs)


@dataclass(frozen=True, eq=False)
class _Traced:
    discovery: Discovery

    @functools.cached_property
    def plan(self):
        return plan(self.discovery)


class _Network:
    """The function, traced once for each shape of its inputs."""

    def __init__(self, function: Callable[..., Any], layout: Layout, shapes: Params) -> None:
        self._function = lambda params, x, inputs: function(layout.users(params), x, **inputs)
        self._shapes = shapes
        self.at = functools.lru_cache(maxsize=None)(self._trace)

    def _trace(self, x: Any, inputs: Any) -> _Traced:
        return _Traced(analyse(self._function, self._shapes, _shapes(x), _shapes(inputs)))

    def __call__(
        self, params: Params, x: Any, inputs: Any, axes: Any, widths: Widths, masks: Masks | None
    ) -> Output:
        traced = self.at(_key(x), _key(inputs))
        found = traced.discovery
        if found.axes != axes:
            raise UserError(f"at {np.shape(x)} the network has other channel groups than before")
        if masks is None and dict(widths) == dict(found.widths):
            return as_output(self._function(params, x, inputs))
        arguments = jax.tree.leaves((params, x, inputs))
        return jax.tree.unflatten(
            found.program.tree, run(found, traced.plan, arguments, widths, masks)
        )


def _shape(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(np.shape(array), jax.dtypes.result_type(array))


def _key(tree: Any) -> Any:
    """The shapes of a tree of arrays, hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((x.shape, x.dtype) for x in map(_shape, leaves))


def _shapes(key: Any) -> Any:
    structure, leaves = key
    return structure.unflatten([jax.ShapeDtypeStruct(*leaf) for leaf in leaves])


def _check_size(shape: tuple[int, ...], channels_in: int, divisor: int, minimum: int) -> None:
    if not shape or shape[-1] != channels_in:
        raise UserError(f"the network takes {channels_in} channels, got {shape}")
    if len(shape) == 4 and any(size % divisor or size < minimum for size in shape[1:3]):
        raise UserError(
            f"height and width must be multiples of {divisor} and at least {minimum}, "
            f"got {shape[1]}x{shape[2]}"
        )


def _slots(widths: Widths, base: int | None) -> tuple[Slot, ...]:
    base = base or gcd(*widths.values())
    for group, width in widths.items():
        if width % base:
            raise UserError(f"group {group!r} is {width} wide, no multiple of base {base}")
    return tuple(Slot(group, FrozenDict({group: w // base})) for group, w in widths.items())


def _taps(found: Discovery) -> Mapping[str, Channels]:
    """The taps whose last axis is one of channels."""
    numbered = jax.tree.unflatten(found.program.tree, found.program.outputs)
    groups = {
        name: found.groups[number][-1]
        for name, number in numbered.taps.items()
        if isinstance(number, int) and found.groups[number]
    }
    return {name: group for name, group in groups.items() if group is not None}
