"""The whole graph of a model: the generator between what comes in and what goes out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganc.errors import UserError
from ganc.export.onnx.equation import cast
from ganc.export.onnx.graph import Graph, Name, Size, size_of
from ganc.export.onnx.simplify import simplify
from ganc.export.onnx.trace import trace, write
from ganc.export.symbolic import is_own, style_dim
from ganc.types import Model

PICTURE, LABELS, STYLE, RESULT = "picture", "labels", "style", "result"

Shape = tuple[str | int, ...]


@dataclass(frozen=True)
class Port:
    """What comes in or goes out: its name, its type and the sizes of its axes, words where any."""

    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class Network:
    """A graph with its ports.

    Attributes:
        graph: simplified; its tensors of the inputs are called like their ports.
        inputs: the picture, or the label map, and perhaps a style.
        output: the picture.
    """

    graph: Graph
    inputs: tuple[Port, ...]
    output: Port


def network(
    model: Model,
    *,
    pixels: bool = False,
    size: tuple[int, int] | None = None,
    own_style: bool = False,
) -> Network:
    """The graph of `model`.

    Args:
        model: whose generator takes pictures, or label maps.
        pixels: as people have them, uint8 (b h w 3) in and out, of any size: the graph does what
            `ganc.translate` does. A label map is uint8 (b h w c), one channel per class. Otherwise
            float32 (b c h w), pictures in [-1, 1], of sizes that the generator takes.
        size: height and width; by default any.
        own_style: a picture keeps its own style, where the generator has styles; by default the
            style is an input, float32 (b style_dim).

    Raises:
        UserError: the generator can't take `size`, or does what ONNX, or we, have no word for.
    """
    generator = model.generator
    if size is not None:
        _check_size(size, generator, pixels)
    dim = style_dim(generator, own_style)
    whole = None if size is None else (_rounded(size[0], generator), _rounded(size[1], generator))
    traced = trace(model, whole, dim)
    inputs, output = _ports(generator, pixels, size, dim)
    graph = Graph()
    x = _pixels_in(graph, inputs[0], generator, size) if pixels else inputs[0].name
    styles = [port.name for port in inputs[1:]]
    y = write(graph, traced, [x, *styles], generator.divisor)
    graph.layer = ""
    y = _pixels_out(graph, y, inputs[0], size) if pixels else y
    graph.outputs = [y]
    simplify(graph)
    return Network(graph, inputs, output)


def _check_size(size: tuple[int, int], generator: Any, pixels: bool) -> None:
    unit, least = generator.divisor, generator.minimum
    if pixels and any(_rounded(n, generator) - n >= n for n in size):
        half = _rounded(1, generator) // 2 + 1
        raise UserError(f"height and width must be at least {half}, got {size[0]}x{size[1]}")
    if not pixels and any(_rounded(n, generator) != n for n in size):
        raise UserError(
            f"height and width must be multiples of {unit} and at least {least}, got "
            f"{size[0]}x{size[1]}"
        )


def _rounded(n: int, generator: Any) -> int:
    return -(-max(n, generator.minimum) // generator.divisor) * generator.divisor


def _ports(
    generator: Any, pixels: bool, size: tuple[int, int] | None, dim: int
) -> tuple[tuple[Port, ...], Port]:
    height, width = size or ("height", "width")
    batch = 1 if is_own(generator) else "batch"

    def port(name: str, channels: int) -> Port:
        shape = (batch, height, width, channels) if pixels else (batch, channels, height, width)
        return Port(name, "uint8" if pixels else "float32", shape)

    first = port(PICTURE if generator.channels_in == 3 else LABELS, generator.channels_in)
    style = (Port(STYLE, "float32", ("batch", dim)),) if dim else ()
    return (first, *style), port(RESULT, 3)


def _pixels_in(graph: Graph, port: Port, generator: Any, size: Any) -> Name:
    """From uint8 (b h w c) to what the generator takes, mirrored at its lower and right edges."""
    x = cast(graph, graph.add("Transpose", port.name, perm=[0, 3, 1, 2]), np.float32)
    if port.name == PICTURE:
        x = graph.add("Div", x, np.float32(127.5))
        x = graph.add("Sub", x, np.float32(1))
    if size is not None:
        more: list[Any] = [_rounded(n, generator) - n for n in size]
        if not any(more):
            return x
    else:
        more = [_missing(size_of(graph, x, axis), generator) for axis in (2, 3)]
    return graph.add("Pad", x, graph.integers([0] * 6 + more), mode="reflect")


def _missing(n: Size, generator: Any) -> Size:
    unit = generator.divisor
    return (n.at_least(generator.minimum) + (unit - 1)) // unit * unit - n


def _pixels_out(graph: Graph, y: Name, port: Port, size: Any) -> Name:
    """From the generator's picture to uint8 (b h w 3), cut back to the size that came in."""
    ends = [size_of(graph, port.name, axis) for axis in (1, 2)] if size is None else size
    y = graph.add("Slice", y, graph.integers([0, 0]), graph.integers(ends), graph.integers([2, 3]))
    y = graph.add("Mul", graph.add("Add", y, np.float32(1)), np.float32(127.5))
    y = graph.add("Clip", graph.add("Round", y), np.float32(0), np.float32(255))
    return graph.add("Transpose", cast(graph, y, np.uint8), perm=[0, 2, 3, 1])
