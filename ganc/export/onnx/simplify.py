"""Rewrites a graph into an equal one with fewer nodes.

Zero pads go into the convolutions behind them; factors and terms per channel into the convolutions
and norms before them, batch norms among them; a bias that an instance norm takes off again goes.
"""

from collections.abc import Callable, Iterable

import numpy as np

from ganc.export.onnx.graph import Graph, Name, Node

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_NORM = "InstanceNormalization"


def simplify(graph: Graph) -> Graph:
    """The same `graph`, rewritten until nothing changes."""
    rewrites = (_pad_into_convolution, _channels_into_layer, _drop_dead_bias)
    while any([rewrite(graph) for rewrite in rewrites]):
        _drop_unused(graph)
    _drop_unused(graph)
    return graph


def _drop_unused(graph: Graph) -> None:
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            kept.append(node)
            needed.update(node.inputs)
    graph.nodes = kept[::-1]
    graph.constants = {name: a for name, a in graph.constants.items() if name in needed}


def _pad_into_convolution(graph: Graph) -> bool:
    made, changed = _makers(graph.nodes), False
    for node in graph.nodes:
        pad = made.get(node.inputs[0]) if node.op == "Conv" else None
        if pad is None or pad.op != "Pad" or pad.attributes["mode"] != "constant":
            continue
        pads, value = (graph.constants.get(name) for name in pad.inputs[1:3])
        if pads is None or value is None or value != 0 or pads[[0, 1, 4, 5]].any():
            continue
        sides = np.add(node.attributes["pads"], pads[[2, 3, 6, 7]]).tolist()
        node.inputs[0], node.attributes["pads"] = pad.inputs[0], sides
        changed = True
    return changed


def _channels_into_layer(graph: Graph) -> bool:
    """Folds the first product or sum with a constant per channel that can be."""
    made, users = _makers(graph.nodes), graph.users()
    for node in graph.nodes:
        for place, other in ((0, 1), (1, 0)) if node.op in ("Add", "Mul", "Sub", "Div") else ():
            layer, array = made.get(node.inputs[place]), graph.constants.get(node.inputs[other])
            if layer is None or array is None or layer.op not in (*_CONVOLUTIONS, _NORM):
                continue
            if place == 1 and node.op in ("Sub", "Div"):
                continue
            alone = len(users[layer.output]) == 1 and layer.output not in graph.outputs
            channels = _per_channel(array, _channels(graph, layer))
            if alone and channels is not None:
                _absorb(graph, layer, node.op, channels)
                _rename(graph, node.output, layer.output)
                return True
    return False


def _makers(nodes: Iterable[Node]) -> dict[Name, Node]:
    return {node.output: node for node in nodes}


def _channels(graph: Graph, layer: Node) -> int:
    weights = graph.constants[layer.inputs[1]]
    return weights.shape[_axis(layer)]


def _axis(layer: Node) -> int:
    """The axis of the weights that the output channels lie on."""
    return 1 if layer.op == "ConvTranspose" else 0


def _per_channel(array: np.ndarray, channels: int) -> np.ndarray | None:
    """A constant as one number per channel; None where it differs along another axis."""
    if array.size == 1:
        return np.full(channels, array.reshape(()))
    return array.reshape(-1) if array.shape == (1, channels, 1, 1) else None


def _absorb(graph: Graph, layer: Node, op: str, values: np.ndarray) -> None:
    weights = graph.constants[layer.inputs[1]]
    bias = graph.constants[layer.inputs[2]] if len(layer.inputs) > 2 else np.zeros_like(values)
    change: Callable[[np.ndarray, np.ndarray], np.ndarray] = _APPLIED[op]
    if op in ("Mul", "Div"):
        shape = [1] * weights.ndim
        shape[_axis(layer)] = -1
        weights = change(weights, values.reshape(shape))
    layer.inputs[1:] = [graph.constant(weights), graph.constant(change(bias, values))]


_APPLIED = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


def _rename(graph: Graph, old: Name, new: Name) -> None:
    """Whoever took `old` takes `new`, which is made where `old` was or before."""
    for node in graph.nodes:
        node.inputs = [new if name == old else name for name in node.inputs]
    graph.outputs = [new if name == old else name for name in graph.outputs]


def _drop_dead_bias(graph: Graph) -> bool:
    users, changed = graph.users(), False
    for node in graph.nodes:
        behind = users.get(node.output, [])
        dead = behind and all(user.op == _NORM for user in behind)
        if node.op in _CONVOLUTIONS and len(node.inputs) > 2 and dead:
            del node.inputs[2]
            changed = True
    return changed
