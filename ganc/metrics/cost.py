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
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.nn.layers import Conv, ConvTranspose, DepthwiseConv, GlobalMean, Linear, Product
from ganc.nn.norm import BatchNorm, InstanceNorm
from ganc.types import Discriminator, Generator, Group

Convention = Literal["published", "torchprofile-0.0.3", "convolutions", "true"]
"""How multiply-adds are counted.

`published`: as gan-compression's tables (torchprofile 0.0.1): a transposed convolution is counted
at its output, four times what it computes; an instance norm, a product of tensors and a global mean
as one per element. `torchprofile-0.0.3`: as OMGD's tables: norms only if they have a scale, batch
norms too. `convolutions`: as GAN Slimming's figures (which divide by 2^30): convolutions alone, the
transposed ones at their output. `true`: what convolutions and matrices compute, the transposed ones
at their input.
"""

_COUNTED: dict[Convention, frozenset[str]] = {
    "published": frozenset({"convolution", "matrix", "instance norm", "elements"}),
    "torchprofile-0.0.3": frozenset({"convolution", "matrix", "affine norm", "elements"}),
    "convolutions": frozenset({"convolution"}),
    "true": frozenset({"convolution", "matrix"}),
}


@dataclass(frozen=True)
class _Row:
    factor: int
    groups: tuple[Group, ...]
    sizes: tuple[int, ...]  # what an axis without a group keeps

    def at(self, widths: Mapping[str, Any]) -> Any:
        total = np.int64(self.factor)
        for group, size in zip(self.groups, self.sizes, strict=True):
            wide = [np.asarray(widths[name], np.int64) for name in channels.names(group)]
            total = total * (sum(wide) if wide else np.int64(size))
        return total


def macs(
    generator: Generator | Discriminator,
    height: int,
    width: int,
    convention: Convention = "published",
    **inputs: jax.ShapeDtypeStruct,
) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to multiply-adds for one picture of `height` x `width`.

    The widths may be integers or arrays of them; counts are int64 (a full ResNet at 256 px takes
    5.7e10). Nothing is compiled.

    A discriminator has no channel groups; its widths are empty.

    With `inputs` the generator is traced as it is then called: MUNIT's `style` leaves its style
    encoder out.

    Reference: Li et al. 2020 (arXiv 2003.08936) count by the published convention, Ren et al. 2021
    (arXiv 2108.06908) by torchprofile-0.0.3, Wang et al. 2020 (arXiv 2008.11062) by convolutions.
    """
    rows = _trace(generator, height, width, convention, inputs)
    return lambda widths: sum(row.at(widths) for row in rows)


def params(generator: Generator) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to the number of parameters, biases included.

    Running statistics are no parameters.
    """
    shapes: Any = flatten_dict(jax.eval_shape(generator.init, jax.random.key(0)), sep="/")
    axes: Any = flatten_dict(generator.axes, sep="/")
    rows = [
        _Row(1, axes[name], leaf.shape)
        for name, leaf in shapes.items()
        if name not in generator.statistics
    ]
    return lambda widths: sum(row.at(widths) for row in rows)


def _trace(
    generator: Generator | Discriminator,
    height: int,
    width: int,
    convention: Convention,
    inputs: dict[str, jax.ShapeDtypeStruct],
) -> list[_Row]:
    rows: list[_Row] = []

    def record(call, args, kwargs, context):
        y = call(*args, **kwargs)
        if context.method_name == "__call__":
            kinds, row = _price(context.module, args[0], y, convention)
            if kinds & _COUNTED[convention]:
                rows.append(row)
        return y

    params = jax.eval_shape(generator.init, jax.random.key(0))
    picture = jax.ShapeDtypeStruct((1, height, width, generator.channels_in), jnp.float32)
    with nn.intercept_methods(record):
        jax.eval_shape(lambda p, x, more: generator.apply(p, x, **more), params, picture, inputs)
    return rows


def _price(layer: nn.Module, x: Any, y: Any, convention: Convention) -> tuple[set[str], _Row]:
    if isinstance(layer, DepthwiseConv):
        row = _Row(_pixels(y) * layer.size**2, layer.groups[:1], x.shape[-1:])
        return {"convolution"}, row
    if isinstance(layer, Conv | ConvTranspose):
        counted = x if isinstance(layer, ConvTranspose) and convention == "true" else y
        sizes = (x.shape[-1], y.shape[-1])
        return {"convolution"}, _Row(_pixels(counted) * layer.size**2, layer.groups, sizes)
    if isinstance(layer, Linear):
        return {"matrix"}, _Row(_pixels(y), layer.groups, (x.shape[-1], y.shape[-1]))
    if isinstance(layer, InstanceNorm | BatchNorm | Product | GlobalMean):
        return _kinds(layer), _Row(_pixels(y), (layer.group,), y.shape[-1:])
    return set(), _Row(0, (), ())


def _kinds(layer: nn.Module) -> set[str]:
    if not isinstance(layer, InstanceNorm | BatchNorm):
        return {"elements"}
    kinds = {"instance norm"} if isinstance(layer, InstanceNorm) else set()
    return kinds | {"affine norm"} if layer.affine else kinds


def _pixels(x: jax.Array) -> int:
    return x.size // x.shape[-1]
