"""Eight-bit graphs: what convolutions take, weigh with and give is rounded to 256 values.

Weights have a scale per output channel, the tensors between layers one each, from the extremes that
they reach on pictures of the user's. Norms and all that lies between stay in float32. Pairs of
QuantizeLinear and DequantizeLinear say so in the graph, and each runtime fuses what it is fast at.

An instance norm makes all channels alike, and with them the rounding of those that were small
before it. So the channels of a convolution that only such norms look at are brought to one range by
its weights first; the norm takes that off again, up to its epsilon.

Reference: Jacob et al. 2018 (arXiv 1712.05877) for the arithmetic; Nagel et al. 2019 (arXiv
1906.04721) equalise channels across layers; the pairs are ONNX's own form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ganc.export.onnx.check import session
from ganc.export.onnx.file import library, model_proto
from ganc.export.onnx.graph import Graph, Name, Node
from ganc.export.onnx.network import Network

_OUTPUT_AXIS = {"Conv": 0, "ConvTranspose": 1}
"""Where the output channels lie in the weights of what is quantised."""

_NORM = "InstanceNormalization"

Feed = Mapping[str, np.ndarray]
"""Port -> what is given."""

Ends = tuple[np.ndarray, np.ndarray]
"""The least and the largest value of each channel, and zero."""


@dataclass(frozen=True)
class Code:
    """An affine code: value = scale (code - zero), with a float32 and a uint8."""

    scale: np.float32
    zero: np.uint8


def quantise(network: Network, feeds: Iterable[Feed]) -> Network:
    """`network` with eight-bit convolutions, whose ranges are those reached on `feeds`.

    Raises:
        UserError: a library is missing.
    """
    graph = network.graph
    targets = [node for node in graph.nodes if node.op in _OUTPUT_AXIS]
    tensors = {node.inputs[0] for node in targets} | {node.output for node in targets}
    ends = ranges(network, tensors, feeds)
    made = replace(graph, nodes=[], constants=dict(graph.constants), _known={})
    users = graph.users()
    renamed: dict[Name, Name] = {}
    for node in graph.nodes:
        inputs = [renamed.get(name, name) for name in node.inputs]
        if node.op not in _OUTPUT_AXIS:
            made.nodes.append(replace(node, inputs=inputs))
            continue
        made.layer = node.layer
        behind = [user.op for user in users.get(node.output, [])]
        alike = bool(behind) and set(behind) == {_NORM}
        factors = _factors(ends[node.output]) if alike else np.ones(1, np.float32)
        code = _code(ends[node.inputs[0]])
        inputs = [_rounded(made, inputs[0], code), *_weights(made, node, code, factors)]
        made.nodes.append(replace(node, inputs=inputs))
        if node.output not in graph.outputs:
            least, most = ends[node.output]
            code = _code((least * factors, most * factors))
            renamed[node.output] = _rounded(made, node.output, code)
    used = {name for node in made.nodes for name in node.inputs}
    made.constants = {name: array for name, array in made.constants.items() if name in used}
    return replace(network, graph=made)


def coded(network: Network) -> Network:
    """`network` with codes for weights that are codes: int8, with a scale per output channel.

    Those of a generator that learned in eight bits are, bit for bit; what it rounds between its
    layers stands in its graph. Others stay as they are.
    """
    graph = network.graph
    made = replace(graph, nodes=[], constants=dict(graph.constants), _known={})
    for node in graph.nodes:
        axis, inputs = _OUTPUT_AXIS.get(node.op), [*node.inputs]
        weights = None if axis is None else graph.constants.get(inputs[1])
        found = None if weights is None or axis is None else _codes(weights, axis)
        if found is not None:
            made.layer = node.layer
            inputs[1] = made.add("DequantizeLinear", *found, axis=axis)
        made.nodes.append(replace(node, inputs=inputs))
    used = {name for node in made.nodes for name in node.inputs}
    made.constants = {name: array for name, array in made.constants.items() if name in used}
    return replace(network, graph=made)


def _codes(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Codes, scales and zeros whose products are `weights`, to their last digit; None: others."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    most = np.abs(weights).max(others, keepdims=True)
    scale = (np.maximum(most, 1e-12) / 127).astype(np.float32)
    codes = np.rint(weights / scale)
    if (np.abs(codes * scale - weights) > 1e-6 * most).any():
        return None
    return codes.astype(np.int8), scale.reshape(-1), np.zeros(scale.size, np.int8)


def ranges(network: Network, tensors: Iterable[Name], feeds: Iterable[Feed]) -> dict[Name, Ends]:
    """The ends of each tensor (b c h w) on `feeds`."""
    onnx, names = library("onnx"), sorted(tensors)
    proto = model_proto(network, {})
    known = {port.name for port in (*network.inputs, network.output)}
    inner = [name for name in names if name not in known]
    for name in inner:
        proto.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        )
    ready = session(proto.SerializeToString())
    found: dict[Name, Ends] = {}
    for feed in feeds:
        values = {**feed, **dict(zip(inner, ready.run(inner, dict(feed)), strict=True))}
        for name in names:
            x, none = values[name], np.zeros(1, np.float32)
            least, most = found.get(name, (none, none))
            found[name] = np.minimum(least, x.min((0, 2, 3))), np.maximum(most, x.max((0, 2, 3)))
    return found


def _factors(ends: Ends) -> np.ndarray:
    """What brings each channel to the range of the widest."""
    reach = np.maximum(-ends[0], ends[1])
    return (reach.max() / np.maximum(reach, 1e-3 * reach.max() + 1e-12)).astype(np.float32)


def _code(ends: Ends) -> Code:
    least, most = float(ends[0].min()), float(ends[1].max())
    scale = max(most - least, 1e-8) / 255
    return Code(np.float32(scale), np.uint8(np.clip(np.rint(-least / scale), 0, 255)))


def _rounded(graph: Graph, name: Name, code: Code) -> Name:
    coded = graph.add("QuantizeLinear", name, code.scale, code.zero)
    return graph.add("DequantizeLinear", coded, code.scale, code.zero)


def _weights(graph: Graph, node: Node, code: Code, factors: np.ndarray) -> list[Name]:
    """The weights times `factors` as int8, and the bias, if any, as int32 in units of products."""
    weights, axis = graph.constants[node.inputs[1]], _OUTPUT_AXIS[node.op]
    others = tuple(i for i in range(weights.ndim) if i != axis)
    weights = weights * np.expand_dims(factors, others)
    scale = np.maximum(np.abs(weights).max(others, keepdims=True) / 127, 1e-12)
    values = np.rint(weights / scale).astype(np.int8)
    scales, zeros = scale.reshape(-1).astype(np.float32), np.zeros(scale.size, np.int8)
    names = [graph.add("DequantizeLinear", values, scales, zeros, axis=axis)]
    for name in node.inputs[2:]:
        products = (scales * code.scale).astype(np.float32)
        whole = np.rint(graph.constants[name] * factors / products).clip(-(2**31), 2**31 - 1)
        none = np.zeros(scale.size, np.int32)
        names.append(graph.add("DequantizeLinear", whole.astype(np.int32), products, none, axis=0))
    return names
