"""The values that every floor of the library passes around."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from flax.core import FrozenDict
from jaxtyping import Array, Float

AnyArray: TypeAlias = np.ndarray | jax.Array
"""An array of the host or of a device, for annotations such as `Float[AnyArray, "n d"]`. A length
that the function itself checks, and refuses in words, has an underscore: "m _d"."""

Image: TypeAlias = Float[Array, "b h w c"]
"""Pictures in [-1, 1], channels last."""

Params: TypeAlias = Any
"""Nested dicts of arrays; kernels are HWIO. Running statistics stand beside the weights they go
with, as in a PyTorch state dict."""

Axes: TypeAlias = Any
"""The tree of `Params` with, for each array, a tuple that names the channel group of every axis:
None (not a channel axis), a group, or a tuple of groups that are concatenated on that axis."""

Channels: TypeAlias = str | tuple[str, ...]
"""A channel group, or several that are concatenated."""

Group: TypeAlias = Channels | None
"""The channels of an array axis: `Channels`, or None where they are fixed."""

Widths: TypeAlias = Mapping[str, int]
"""Channel group -> number of channels; a `FrozenDict`, hashable, where `jit` specialises on it."""

Keep: TypeAlias = Mapping[str, np.ndarray]
"""Channel group -> indices of the channels that stay, in the order in which they then stand."""

Masks: TypeAlias = Mapping[str, jax.Array]
"""Channel group -> 0/1 vector over the full width of the group."""

Arch: TypeAlias = tuple[int, ...]
"""One entry per slot of a search space."""


class Output(NamedTuple):
    """What a generator returns.

    Attributes:
        image: the picture, in [-1, 1].
        taps: named intermediate activations; XLA drops those that nobody uses.
        statistics: the part of the parameters that training measures, as this batch leaves it;
            empty without `momentum`, or where the network has no such part.
    """

    image: jax.Array
    taps: Mapping[str, jax.Array]
    statistics: Params = FrozenDict()


@dataclass(frozen=True)
class Slot:
    """One entry of an architecture.

    Attributes:
        name: what people call it.
        groups: channel group -> how many times the entry it is wide; hashable.
    """

    name: str
    groups: Mapping[str, int]


def slot(name: str, multiplier: int, *groups: str) -> Slot:
    """A slot whose groups all have one multiplier; without `groups`, the one called `name`."""
    return Slot(name, FrozenDict({group: multiplier for group in groups or (name,)}))


@dataclass(frozen=True, eq=False)
class Generator:
    """A generator as a pair of pure functions and the tables that describe its channels.

    Attributes:
        init: `init(key, widths=...) -> params`, by default at full width.
        apply: `apply(params, x, *, widths=None, masks=None, momentum=None, **inputs) -> Output`.
            Without `widths` they are read off the shapes of `params`, so a sliced tree is applied
            like a full one. `momentum` is for networks with running statistics: without it they
            normalise by those, with it by the batch's, towards which the running ones move by that
            fraction (0.1 in every published training; 1 measures). `inputs` are a family's own,
            such as MUNIT's `style`.
        axes: the channel groups of every parameter.
        widths: the full width of every group.
        slots: what the entries of an architecture drive, in the papers' order.
        taps: name of each tap -> its channel group, or groups where they are concatenated.
        divisor: height and width of the input must be multiples of this.
        minimum: the smallest height and width that the paddings allow.
        spec: the hashable specification it was built from.
        channels_in: channels of the input; 3 where it is a picture.
        statistics: the paths of the parameters that training measures and does not learn.
        quantisation: how its numbers are rounded, see `ganc.models.quantised`; None: not at all.
    """

    init: Callable[..., Params]
    apply: Callable[..., Output]
    axes: Axes
    widths: Widths
    slots: tuple[Slot, ...]
    taps: Mapping[str, Channels]
    divisor: int
    minimum: int
    spec: Any
    channels_in: int = 3
    statistics: frozenset[str] = frozenset()
    quantisation: Any = None


class Verdict(NamedTuple):
    """What a discriminator returns.

    Attributes:
        logits: (b h w 1), no sigmoid; a tuple of such, finest first, if it judges several scales.
        features: the activations before the logits, for feature matching: for every scale, a tuple.
        statistics: as in `Output`.
    """

    logits: Any
    features: tuple[tuple[jax.Array, ...], ...] = ()
    statistics: Params = FrozenDict()


@dataclass(frozen=True, eq=False)
class Discriminator:
    """A discriminator as a pair of pure functions.

    Attributes:
        init: `init(key) -> params`.
        apply: `apply(params, x, *, momentum=None, **inputs) -> Verdict`, `momentum` as in
            `Generator`.
        spec: the hashable specification it was built from.
        channels_in: channels of the input.
        statistics: as in `Generator`.
        axes: as in `Generator`; no axis belongs to a channel group.
        widths: as in `Generator`; there are no groups.
    """

    init: Callable[..., Params]
    apply: Callable[..., Verdict]
    spec: Any
    channels_in: int = 3
    statistics: frozenset[str] = frozenset()
    axes: Axes = FrozenDict()
    widths: Widths = FrozenDict()


class Model(NamedTuple):
    """A generator with its weights: what every method ends in, and what is stored and scored.

    Attributes:
        generator: at the full widths of its specification.
        params: at these widths or smaller ones; `generator.apply(params, x)` applies them.
        arch: the architecture in its search space, if it has one.
    """

    generator: Generator
    params: Params
    arch: Arch | None = None


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
