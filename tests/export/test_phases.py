"""Convolutions by four pixels at a time are the convolutions that they stand for."""

import numpy as np
import pytest

from ganc.errors import UserError
from ganc.export.onnx.check import session
from ganc.export.onnx.file import model_proto
from ganc.export.onnx.graph import Graph
from ganc.export.onnx.network import Network, Port
from ganc.export.onnx.phases import in_phases, untransposed

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SQUARE = {"strides": [1, 1], "dilations": [1, 1], "group": 1}


def layer(op, kernel, outputs, shape, **attributes):
    """A network of one layer with a bias, over (b 5 height width)."""
    rng, graph = np.random.default_rng(0), Graph()
    first = (5, outputs) if op == "ConvTranspose" else (outputs, 5)
    weights = rng.normal(size=(*first, *kernel)).astype(np.float32)
    bias = rng.normal(size=outputs).astype(np.float32)
    graph.outputs = [graph.add(op, "picture", weights, bias, kernel_shape=kernel, **attributes)]
    graph.shapes[graph.outputs[0]] = shape
    sides = ("batch", 5, "height", "width")
    ports = Port("picture", "float32", sides), Port("result", "float32", ("b", outputs, "h", "w"))
    return Network(graph, (ports[0],), ports[1])


def drawn(network, size):
    x = np.random.default_rng(1).normal(size=(2, 5, *size)).astype(np.float32)
    return session(model_proto(network, {}).SerializeToString()).run(None, {"picture": x})[0]


def ops(graph):
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize(("kernel", "pads"), [((7, 7), [0, 0, 0, 0]), ((4, 3), [1, 1, 2, 1])])
def test_few_outputs_are_computed_as_four_pixels(kernel, pads):
    even = layer("Conv", kernel, 3, (2, 8, 6, 3), pads=pads, **SQUARE)
    odd = layer("Conv", kernel, 3, (2, 7, 6, 3), pads=pads, **SQUARE)
    assert ops(in_phases(even.graph))[-2:] == ["Conv", "DepthToSpace"]
    assert ops(in_phases(odd.graph)) == ["Conv"]  # as it may be; here it is even all the same
    size = tuple(
        n + k - 1 - sum(pads[i::2]) for i, (n, k) in enumerate(zip((8, 6), kernel, strict=True))
    )
    a, b = drawn(even, size), drawn(odd, size)
    assert a.shape == (2, 3, 8, 6)
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_other_convolutions_stay():
    wide = layer("Conv", (3, 3), 5, (2, 8, 6, 5), pads=[1] * 4, **SQUARE)
    point = layer("Conv", (1, 1), 3, (2, 8, 6, 3), pads=[0] * 4, **SQUARE)
    strided = layer("Conv", (3, 3), 3, (2, 8, 6, 3), pads=[1] * 4, **SQUARE | {"strides": [2, 2]})
    for network in (wide, point, strided):
        assert ops(in_phases(network.graph)) == ["Conv"]


@pytest.mark.parametrize(
    ("kernel", "pads", "more"),
    [
        ((3, 3), [1, 1, 1, 1], [1, 1]),  # CycleGAN's
        ((4, 4), [1, 1, 1, 1], [0, 0]),  # the U-Net's
        ((5, 3), [2, 0, 2, 1], [1, 0]),
    ],
)
def test_transposed_convolutions_become_plain_ones(kernel, pads, more):
    options = {"strides": [2, 2], "pads": pads, "output_padding": more}
    network = layer("ConvTranspose", kernel, 4, (2, 12, 14, 4), **options)
    plain = untransposed(network.graph)
    assert ops(plain) == ["Conv", "DepthToSpace"]
    a, b = drawn(network, (6, 7)), drawn(Network(plain, network.inputs, network.output), (6, 7))
    assert a.shape == (2, 4, 12, 14)
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_what_does_not_double_is_named():
    options = {"strides": [2, 2], "pads": [0] * 4, "output_padding": [0, 0]}
    network = layer("ConvTranspose", (3, 3), 4, (2, 13, 15, 4), **options)
    with pytest.raises(UserError, match="does not double"):
        untransposed(network.graph)
