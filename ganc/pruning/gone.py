"""Channels of which nothing is left, masked wherever the network is drawn."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.types import Generator, Masks, Output, Params


def without_gone(generator: Generator) -> Generator:
    """`generator` with a mask over every channel all of whose parameters are exactly zero.

    It draws what is left when they are cut out. In the library's families zeros alone do that; in a
    network of one's own a norm may count them, or a sigmoid make a half of them.
    """

    def apply(params: Params, x: jax.Array, **options: Any) -> Output:
        return generator.apply(params, x, masks=alive(generator, params), **options)

    return dataclasses.replace(generator, apply=apply)


def alive(generator: Generator, params: Params) -> Masks:
    """The masks of the channels that have a parameter which is not zero."""
    widths = channels.read_widths(params, generator.axes)
    found = {group: jnp.zeros(width, bool) for group, width in widths.items()}
    axes: Any = flatten_dict(generator.axes, sep="/")
    flat: Any = flatten_dict(params, sep="/")
    for path, array in flat.items():
        for axis, group in enumerate(() if path in generator.statistics else axes[path]):
            others = tuple(i for i in range(array.ndim) if i != axis)
            left, offset = jnp.any(array != 0, axis=others), 0
            for name in channels.names(group):
                found[name] |= left[offset : offset + widths[name]]
                offset += widths[name]
    return {group: mask.astype(jnp.float32) for group, mask in found.items()}
