"""What a generator costs at given channel widths: parameters and multiply-adds.

One abstract trace of the network yields a table of its layers; the cost of any architecture, or of
arrays of them, is then arithmetic on that table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from ganc import channels
from ganc.nn.layers import Conv, ConvTranspose, DepthwiseConv, Group, InstanceNorm
from ganc.types import Generator

Convention = Literal["published", "true"]
"""How multiply-adds are counted.

`published`: as gan-compression's tables (torchprofile 0.0.1): a transposed convolution is counted
at its output, four times what it computes, and an instance norm as one per element. `true`: what is
computed: transposed convolutions at their input, norms not at all.
"""


@dataclass(frozen=True)
class _Row:
    factor: int
    groups: tuple[Group, ...]
    sizes: tuple[int, ...]  # what an axis without a group keeps

    def at(self, widths: Mapping[str, Any]) -> Any:
        total = np.int64(self.factor)
        for group, size in zip(self.groups, self.sizes, strict=True):
            if group is None:
                total = total * np.int64(size)
            else:
                names = (group,) if isinstance(group, str) else group
                total = total * sum(np.asarray(widths[name], np.int64) for name in names)
        return total


def macs(
    generator: Generator, height: int, width: int, convention: Convention = "published"
) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to multiply-adds for one picture of `height` x `width`.

    The widths may be integers or arrays of them; counts are int64 (a full ResNet at 256 px takes
    5.7e10). Nothing is compiled.

    Reference: Li et al. 2020 (arXiv 2003.08936) count by the published convention.
    """
    rows = _trace(generator, height, width, convention)
    return lambda widths: sum(row.at(widths) for row in rows)


def params(generator: Generator) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to the number of parameters, biases included."""
    shapes = jax.eval_shape(generator.init, jax.random.key(0))
    rows: list[_Row] = []
    channels.map_axes(
        lambda names, leaf: rows.append(_Row(1, names, leaf.shape)), generator.axes, shapes
    )
    return lambda widths: sum(row.at(widths) for row in rows)


def _trace(generator: Generator, height: int, width: int, convention: Convention) -> list[_Row]:
    rows: list[_Row] = []

    def record(call, args, kwargs, context):
        if context.method_name != "__call__":
            return call(*args, **kwargs)
        x, y, layer = args[0], call(*args, **kwargs), context.module
        if isinstance(layer, InstanceNorm):
            if convention == "published":
                rows.append(_Row(_pixels(y), (layer.group,), y.shape[-1:]))
        elif isinstance(layer, DepthwiseConv):
            rows.append(_Row(_pixels(y) * layer.size**2, layer.groups[:1], x.shape[-1:]))
        elif isinstance(layer, Conv | ConvTranspose):
            counted = x if isinstance(layer, ConvTranspose) and convention == "true" else y
            sizes = (x.shape[-1], y.shape[-1])
            rows.append(_Row(_pixels(counted) * layer.size**2, layer.groups, sizes))
        return y

    params = jax.eval_shape(generator.init, jax.random.key(0))
    picture = jax.ShapeDtypeStruct((1, height, width, 3), jnp.float32)
    with nn.intercept_methods(record):
        jax.eval_shape(lambda p, x: generator.apply(p, x).image, params, picture)
    return rows


def _pixels(x: jax.Array) -> int:
    return x.size // x.shape[-1]
