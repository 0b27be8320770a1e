"""What a generator costs at given channel widths: parameters and multiply-adds.

One abstract trace of the network yields a table of its layers; the cost of any architecture, or of
arrays of them, is then arithmetic on that table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.discovery.count import count
from ganc.discovery.fingerprint import Own
from ganc.discovery.generator import discovery_of
from ganc.errors import UserError
from ganc.metrics.layers import calls, calls_of
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

Flax's own layers are counted like ours; its group and layer norms like instance norms. A norm of
Flax's without parameters belongs to no channel group, and costs the same at any width.
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
    layer: str = ""

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

    A module of a family whose own parameters are paid for by a layer inside it, such as the product
    of a scale, says so by an attribute `priced_inside`.

    With `inputs` the generator is traced as it is then called: MUNIT's `style` leaves its style
    encoder out.

    Raises:
        UserError: a layer has parameters of which no rule says what they cost; they are named.

    Reference: Li et al. 2020 (arXiv 2003.08936) count by the published convention, Ren et al. 2021
    (arXiv 2108.06908) by torchprofile-0.0.3, Wang et al. 2020 (arXiv 2008.11062) by convolutions.
    """
    rows = _trace(generator, height, width, convention, inputs)
    return lambda widths: sum(row.at(widths) for row in rows)


def forward_macs(function: Callable[..., Any], *args: Any) -> int:
    """True multiply-adds of all networks of `ganc.models` that one call of `function` runs.

    They have the widths of this call; nothing is compiled. Losses call several networks.
    """
    own = (call for call in calls_of(function, *args) if isinstance(call.layer, _COMPUTING))
    prices = (_price(call.layer, call.given, call.made, "true", _NOTHING) for call in own)
    return sum(price[1].factor * prod(price[1].sizes) for price in prices if price)


def macs_by_layer(
    generator: Generator | Discriminator,
    height: int,
    width: int,
    convention: Convention = "published",
    **inputs: jax.ShapeDtypeStruct,
) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """The path of each layer -> its part of `macs`, over all its calls.

    In a network of one's own a layer is a kernel; what has none has the path "".
    """
    rows: dict[str, list[_Row]] = {}
    for row in _trace(generator, height, width, convention, inputs):
        rows.setdefault(row.layer, []).append(row)

    def total(these: list[_Row]) -> Callable[[Mapping[str, Any]], Any]:
        return lambda widths: sum(row.at(widths) for row in these)

    return {layer: total(these) for layer, these in rows.items()}


def params(generator: Generator) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to the number of parameters, biases included.

    Running statistics are no parameters.
    """
    rows = [
        _Row(1, groups, shape)
        for name, groups, shape in _arrays(generator)
        if name not in generator.statistics
    ]
    return lambda widths: sum(row.at(widths) for row in rows)


def weights(generator: Generator | Discriminator) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to the number of weights with two axes or more.

    GAN Slimming's model sizes are four bytes for each of these, or one where there are eight bits,
    over 2^20. Reference: Wang et al. 2020 (arXiv 2008.11062).
    """
    rows = [_Row(1, groups, shape) for _, groups, shape in _arrays(generator) if len(shape) > 1]
    return lambda widths: sum(row.at(widths) for row in rows)


def size(generator: Generator) -> Callable[[Mapping[str, Any]], Any]:
    """A function from channel widths to the bytes of all arrays as `models.store` writes them.

    Four for a number. Of a quantised generator one for each weight of a kernel, and four for each
    of its scales.
    """
    how, rows = generator.quantisation, []
    for name, groups, shape in _arrays(generator):
        if how is None or name.rpartition("/")[2] != "kernel":
            rows.append(_Row(4, groups, shape))
        else:
            rows.append(_Row(1, groups, shape))
            rows.append(_Row(4, groups[-1:], shape[-1:]) if how.per_channel else _Row(4, (), ()))
    return lambda widths: sum(row.at(widths) for row in rows)


def _arrays(
    generator: Generator | Discriminator,
) -> list[tuple[str, tuple[Group, ...], tuple[int, ...]]]:
    """Path, channel groups and full shape of every array."""
    shapes: Any = flatten_dict(jax.eval_shape(generator.init, jax.random.key(0)), sep="/")
    axes: Any = flatten_dict(generator.axes, sep="/")
    return [(name, axes[name], leaf.shape) for name, leaf in shapes.items()]


def _trace(
    generator: Generator | Discriminator,
    height: int,
    width: int,
    convention: Convention,
    inputs: dict[str, jax.ShapeDtypeStruct],
) -> list[_Row]:
    if isinstance(generator, Generator) and isinstance(generator.spec, Own):
        return _read(generator, height, width, convention, inputs)
    params = jax.eval_shape(generator.init, jax.random.key(0))
    axes: Any = flatten_dict(generator.axes)
    table = _Table(flatten_dict(params), axes, generator.statistics)
    rows: list[_Row] = []
    priced: set[Path] = set()
    owners: dict[Path, nn.Module] = {}
    for path, layer, given, made in calls(generator, height, width, inputs):
        price = _price(layer, given, made, convention, table)
        if price is None:
            owners.setdefault(path, layer)
            continue
        kinds, row = price
        priced.add(path)
        if kinds & _COUNTED[convention]:
            rows.append(replace(row, layer="/".join(path)))
    unknown = [
        f"{'/'.join((*path, name))} of {type(layer).__name__}"
        for path, layer in owners.items()
        if path not in priced and not getattr(layer, "priced_inside", False)
        for name in table.learned_by(path)
    ]
    if unknown:
        raise UserError(
            f"nobody knows what these parameters cost: {', '.join(unknown)}; priced are the layers "
            "of ganc.nn, and Flax's Conv, ConvTranspose, Dense and norms"
        )
    return rows


def _read(
    generator: Generator,
    height: int,
    width: int,
    convention: Convention,
    inputs: dict[str, jax.ShapeDtypeStruct],
) -> list[_Row]:
    """The rows of a network of one's own, read off its computation."""
    _, *rest = generator.spec.shape
    rest = [height, width, rest[-1]] if len(rest) == 3 else rest
    found = discovery_of(generator, (1, *rest), **inputs)
    return [
        _Row(part.factor, part.groups, part.sizes, part.layer)
        for part in count(found, convention == "true")
        if part.kinds & _COUNTED[convention]
    ]


Path = tuple[str, ...]


class _Table(NamedTuple):
    """Shapes and channel groups of parameters, by the path of their module and their name."""

    shapes: Mapping[Path, Any]
    axes: Mapping[Path, tuple[Group, ...]]
    statistics: frozenset[str]

    def learned_by(self, path: Path) -> list[str]:
        """The names of the parameters that the module at `path` learns itself."""
        return [
            full[-1]
            for full in self.shapes
            if full[:-1] == path and "/".join(full) not in self.statistics
        ]

    def matrix(self, path: Path) -> tuple[int, tuple[Group, ...], tuple[int, ...]]:
        """Positions of a Flax kernel, and the groups and sizes of its input and output."""
        kernel = (*path, "kernel")
        shape = self.shapes[kernel].shape
        return prod(shape[:-2]), self.axes[kernel][-2:], shape[-2:]

    def group(self, path: Path) -> Group:
        """The channel group that a Flax norm scales or shifts; None where it does neither."""
        return next(
            (self.axes[*path, n][-1] for n in ("scale", "bias") if (*path, n) in self.axes), None
        )


_NOTHING = _Table({}, {}, frozenset())
_COMPUTING = DepthwiseConv | Conv | ConvTranspose | Linear
_FLAX_NORMS = nn.BatchNorm | nn.InstanceNorm | nn.GroupNorm | nn.LayerNorm


def _price(
    layer: nn.Module, x: Any, y: Any, convention: Convention, table: _Table
) -> tuple[set[str], _Row] | None:
    """The kinds of a layer and its row; None where no rule prices it."""
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
    if isinstance(layer, nn.Conv | nn.ConvTranspose | nn.Dense):
        counted = x if isinstance(layer, nn.ConvTranspose) and convention == "true" else y
        positions, groups, sizes = table.matrix(layer.path)
        kind = "matrix" if isinstance(layer, nn.Dense) else "convolution"
        return {kind}, _Row(_pixels(counted) * positions, groups, sizes)
    if isinstance(layer, _FLAX_NORMS):
        return _kinds(layer), _Row(_pixels(y), (table.group(layer.path),), y.shape[-1:])
    return None


def _kinds(layer: nn.Module) -> set[str]:
    if isinstance(layer, Product | GlobalMean):
        return {"elements"}
    scaled = layer.affine if isinstance(layer, InstanceNorm | BatchNorm) else layer.use_scale
    kinds = {"affine norm"} if scaled else set()
    # A batch norm costs nothing where it can be folded into the convolution before it.
    foldable = isinstance(layer, BatchNorm | nn.BatchNorm)
    return kinds if foldable else kinds | {"instance norm"}


def _pixels(x: Any) -> int:
    return x.size // x.shape[-1]
