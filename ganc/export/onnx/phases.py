"""Convolutions whose pictures are computed four pixels at a time, as channels of half the size.

DepthToSpace then puts the pixels in their places; the sums are the same.

`in_phases`: runtimes compute 8 or 16 output channels at a time, so that the last layer of a
generator, with three of them, costs what one with 16 would. Four neighbouring pixels have 12: a
convolution of stride 2 whose kernel is larger by one, and zero where a pixel does not look. The
larger kernels are four pads of the one that is stored, which runtimes compute when they load the
file: it stays as small as it was.

`untransposed`: a transposed convolution of stride 2 as a plain one, for what has no word for it.
Each of the four pixels sees another part of the kernel.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from ganc.errors import UserError
from ganc.export.onnx.graph import Graph, Name, Node

_MOST = 4
"""Outputs of a convolution that has few."""


def in_phases(graph: Graph) -> Graph:
    """An equal graph whose convolutions with few outputs are written as above.

    Those of one tap stay, and so do those whose weights are coded, which runtimes compute in eight
    bits, and whose pictures may be odd.
    """
    return _rewritten(graph, partial(_fits, graph), _write)


def _rewritten(
    graph: Graph, fits: Callable[[Node], bool], write: Callable[[Graph, Node], None]
) -> Graph:
    """A graph in which `write(graph, node)` stands for each node that fits."""
    made = replace(graph, nodes=[], constants=dict(graph.constants), _known={})
    for node in graph.nodes:
        if fits(node):
            write(made, node)
        else:
            made.nodes.append(node)
    return made


def _fits(graph: Graph, node: Node) -> bool:
    weights = graph.constants.get(node.inputs[1]) if node.op == "Conv" else None
    if weights is None or len(weights) > _MOST or min(weights.shape[2:]) < 2:
        return False
    steps = (*node.attributes["strides"], *node.attributes["dilations"], node.attributes["group"])
    shape = graph.shapes.get(node.output)
    return set(steps) == {1} and shape is not None and all(n % 2 == 0 for n in shape[1:3])


def _write(graph: Graph, node: Node) -> None:
    graph.layer = node.layer
    kernels = [_moved(graph, node.inputs[1], p, q) for p in (0, 1) for q in (0, 1)]
    weights = graph.add("Concat", *kernels, axis=0)
    biases = [graph.constant(np.tile(graph.constants[name], 4)) for name in node.inputs[2:]]
    sides = [size + 1 for size in node.attributes["kernel_shape"]]
    options: Mapping[str, object] = {**node.attributes, "strides": [2, 2], "kernel_shape": sides}
    phases = graph.add("Conv", node.inputs[0], weights, *biases, **options)
    options = {"blocksize": 2, "mode": "DCR"}
    graph.nodes.append(Node("DepthToSpace", [phases], node.output, dict(options), node.layer))


def _moved(graph: Graph, kernel: Name, down: int, right: int) -> Name:
    """The kernel (o i h w) with a row and a column of zeros, before it or behind it."""
    pads = graph.integers([0, 0, down, right, 0, 0, 1 - down, 1 - right])
    return graph.add("Pad", kernel, pads, np.zeros((), np.float32), mode="constant")


def untransposed(graph: Graph) -> Graph:
    """An equal graph without transposed convolutions.

    Raises:
        UserError: one does not double its picture; it names the layer.
    """
    return _rewritten(graph, lambda node: node.op == "ConvTranspose", _untranspose)


def _untranspose(graph: Graph, node: Node) -> None:
    a, weights = node.attributes, graph.constants[node.inputs[1]]
    begins, ends, sides = a["pads"][:2], a["pads"][2:], weights.shape[2:]
    growth = [
        side - begin - end + more
        for side, begin, end, more in zip(sides, begins, ends, a["output_padding"], strict=True)
    ]
    if [*a["strides"], *growth] != [2] * 4:
        raise UserError(f"layer {node.layer}: a transposed convolution that does not double")
    graph.layer = node.layer
    # Pixel 2i + p of the result takes pixel i + d of the picture by the tap p + begin - 2d.
    before = [(side - 1 - begin) // 2 for side, begin in zip(sides, begins, strict=True)]
    behind = [(begin + 1) // 2 for begin in begins]
    kernel = _four(weights, begins, before, behind)
    biases = [graph.constant(np.repeat(graph.constants[name], 4)) for name in node.inputs[2:]]
    options = {"strides": [1, 1], "dilations": [1, 1], "group": 1, "pads": before + behind}
    phases = graph.add(
        "Conv", node.inputs[0], kernel, *biases, kernel_shape=kernel.shape[2:], **options
    )
    options = {"blocksize": 2, "mode": "CRD"}
    graph.nodes.append(Node("DepthToSpace", [phases], node.output, options, node.layer))


def _four(
    weights: np.ndarray, begins: list[int], before: list[int], behind: list[int]
) -> np.ndarray:
    """The kernel (4o i h w) of a convolution, from that of a transposed one (i o h w)."""
    inputs, outputs, *sides = weights.shape
    ranges = [range(-a, b + 1) for a, b in zip(before, behind, strict=True)]
    made = np.zeros((outputs, 2, 2, inputs, *map(len, ranges)), weights.dtype)
    for p, q, y, x in np.ndindex(2, 2, *made.shape[4:]):
        row = p + begins[0] - 2 * ranges[0][y]
        column = q + begins[1] - 2 * ranges[1][x]
        if 0 <= row < sides[0] and 0 <= column < sides[1]:
            made[:, p, q, :, y, x] = weights[:, :, row, column].T
    return made.reshape(4 * outputs, inputs, *made.shape[4:])
