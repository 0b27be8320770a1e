"""The values that every floor of the library passes around."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jaxtyping import Array, Float

Image: TypeAlias = Float[Array, "b h w c"]
"""Pictures in [-1, 1], channels last."""

Params: TypeAlias = Any
"""Nested dicts of arrays; kernels are HWIO."""

Axes: TypeAlias = Any
"""The tree of `Params` with, for each array, a tuple that names the channel group of every axis:
None (not a channel axis), a group, or a tuple of groups that are concatenated on that axis."""

Widths: TypeAlias = Mapping[str, int]
"""Channel group -> number of channels; a `FrozenDict`, hashable, where `jit` specialises on it."""

Keep: TypeAlias = Mapping[str, np.ndarray]
"""Channel group -> sorted indices of the channels that stay."""

Masks: TypeAlias = Mapping[str, jax.Array]
"""Channel group -> 0/1 vector over the full width of the group."""

Arch: TypeAlias = tuple[int, ...]
"""One entry per slot of a search space."""


class Output(NamedTuple):
    """What a generator returns.

    Attributes:
        image: the picture, in [-1, 1].
        taps: named intermediate activations; XLA drops those that nobody uses.
    """

    image: jax.Array
    taps: Mapping[str, jax.Array]


@dataclass(frozen=True)
class Slot:
    """One entry of an architecture: base width x `multiplier` is the width of all its `groups`."""

    name: str
    multiplier: int
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Generator:
    """A generator as a pair of pure functions and the tables that describe its channels.

    Attributes:
        init: `init(key) -> params`, at full width.
        apply: `apply(params, x, *, widths=None, masks=None) -> Output`. Without `widths` they are
            read off the shapes of `params`, so a sliced tree is applied like a full one.
        axes: the channel groups of every parameter.
        widths: the full width of every group.
        slots: what the entries of an architecture drive, in the papers' order.
        taps: name of each tap -> its channel group.
        divisor: height and width of the input must be multiples of this.
        minimum: the smallest height and width that the paddings allow.
        spec: the hashable specification it was built from.
    """

    init: Callable[..., Params]
    apply: Callable[..., Output]
    axes: Axes
    widths: Widths
    slots: tuple[Slot, ...]
    taps: Mapping[str, str]
    divisor: int
    minimum: int
    spec: Any


@dataclass(frozen=True, eq=False)
class Discriminator:
    """A discriminator: `init(key) -> params`, `apply(params, x) -> logits` (b h w 1)."""

    init: Callable[..., Params]
    apply: Callable[..., jax.Array]
    spec: Any


class Compressed(NamedTuple):
    """What every method ends in: a small model and how it came about.

    Attributes:
        params: the sliced parameters.
        widths: the width of every channel group.
        arch: the architecture in its search space, if it has one.
        history: what the method wants to keep, as plain Python values.
    """

    params: Params
    widths: Widths
    arch: Arch | None
    history: Mapping[str, Any]


class TrainState(NamedTuple):
    """Everything that a training step changes; frozen teachers live outside it.

    Attributes:
        step: number of steps taken, int32.
        params: what the optimisers train, by role.
        opt_state: the states of the optimisers, by role.
        extra: what else must survive a restart (image pools, averages, running statistics).
    """

    step: jax.Array
    params: Any
    opt_state: Any
    extra: Any
