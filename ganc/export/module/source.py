"""The source of a PyTorch module that computes what a graph does, and its weights by name."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ganc.errors import UserError
from ganc.export.module.expressions import EXPRESSIONS, MIXED, NUMBERS, SIZES, Line
from ganc.export.onnx.graph import Graph, Name, Node
from ganc.export.onnx.network import Network

_FILE = '''"""{about}

    generator = load("{weights}")
    {output} = generator({call})

It needs PyTorch alone.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Generator(nn.Module):
    """{ports}."""

    def __init__(self):
        super().__init__()
{parameters}

    def forward(self, {inputs}):
{body}
        return {result}


def load(weights):
    """The generator with the weights of a file, or of a state dict."""
    generator = Generator()
    if not isinstance(weights, dict):
        weights = torch.load(weights, map_location="cpu", weights_only=True)
    generator.load_state_dict(weights)
    return generator.eval()
'''

_ROLES = {"Conv": ("", "weight", "bias"), "ConvTranspose": ("", "weight", "bias")}
_ROLES["InstanceNormalization"] = ("", "scale", "shift")


class Module(NamedTuple):
    """A module in source, and its state dict."""

    source: str
    weights: Mapping[str, np.ndarray]


def module(network: Network, about: str, weights: str) -> Module:
    """The module of `network`, whose inputs are float32.

    Args:
        network: see there.
        about: one line that says what it is.
        weights: the name of the file of its weights.

    Raises:
        UserError: an operator has no expression in PyTorch; it names the layer.
    """
    writer = _Writer(network)
    body = list(writer.lines())
    ports = [f"{port.name} ({' '.join(map(str, port.shape))})" for port in network.inputs]
    inputs = ", ".join(port.name for port in network.inputs)
    shapes = {name: array.shape for name, array in writer.weights.items()}
    source = _FILE.format(
        about=about,
        weights=weights,
        call=inputs,
        output=network.output.name,
        ports=f"From {', '.join(ports)} to {network.output.name} "
        f"({' '.join(map(str, network.output.shape))})",
        parameters="\n".join(
            f"        self.{name} = nn.Parameter(torch.empty{shape})"
            for name, shape in shapes.items()
        ),
        inputs=inputs,
        body="\n".join(body),
        result=writer.names[network.graph.outputs[0]],
    )
    return Module(source, writer.weights)


class _Writer:
    """Goes through a graph; variables are used again once nobody needs what is in them."""

    def __init__(self, network: Network):
        self.graph: Graph = network.graph
        self.names: dict[Name, str] = {port.name: port.name for port in network.inputs}
        self.first = network.inputs[0].name
        self.weights: dict[str, np.ndarray] = {}
        self.sizes: set[Name] = set()
        self.numbers: set[Name] = set()
        self.free: list[str] = []
        self.count = 0
        self.last = {name: i for i, node in enumerate(self.graph.nodes) for name in node.inputs}

    def lines(self) -> Iterator[str]:
        layer = None
        for index, node in enumerate(self.graph.nodes):
            if (place := _identifier(node.layer, "/")) != layer and place:
                yield f"        # {place}"
            layer = place
            for role, name in enumerate(node.inputs):
                if name in self.graph.constants and name not in self.names:
                    self.names[name] = self._constant(node, role, self.graph.constants[name])
            expression = self._expression(node)
            self._release(node, index)
            yield f"        {self._variable(node.output)} = {expression}"

    def _expression(self, node: Node) -> str:
        table, names = EXPRESSIONS, self.names
        if node.op == "Shape" or all(map(self._is_size, node.inputs)):
            table = SIZES
            (self.numbers if node.op == "Cast" else self.sizes).add(node.output)
        elif any(name in self.numbers for name in node.inputs):
            if all(name in self.numbers or self._is_scalar(name) for name in node.inputs):
                table = NUMBERS
                self.numbers.add(node.output)
            elif node.op not in MIXED:
                made = f"{self.first}.new_tensor({{}})"
                names = {k: made.format(v) if k in self.numbers else v for k, v in names.items()}
        if node.op not in table:
            raise UserError(f"layer {node.layer or 'of the generator'}: no PyTorch for {node.op}")
        return table[node.op](Line(node, self.graph, names))

    def _is_size(self, name: Name) -> bool:
        array = self.graph.constants.get(name)
        return name in self.sizes or (array is not None and array.dtype.kind == "i")

    def _is_scalar(self, name: Name) -> bool:
        array = self.graph.constants.get(name)
        return array is not None and array.ndim == 0

    def _constant(self, node: Node, role: int, array: np.ndarray) -> str:
        """A small constant is written out; any other is a weight."""
        if array.ndim == 0:
            return repr(array.item())
        if array.dtype.kind == "i" and array.ndim == 1:
            return repr(array.tolist())
        roles = _ROLES.get(node.op, ())
        kind = roles[role] if role < len(roles) else "constant"
        if kind in ("scale", "shift") and (array == (kind == "scale")).all():
            return kind  # `F.instance_norm` does without
        layer = _identifier(node.layer, "_")
        name = found = f"{layer}_{kind}" if layer else kind
        count = 1
        while found in self.weights:
            count += 1
            found = f"{name}{count}"
        self.weights[found] = np.asarray(array, np.float32)
        return f"self.{found}"

    def _variable(self, output: Name) -> str:
        if output in self.numbers | self.sizes:
            kind = "n"
        elif self.free:
            self.names[output] = self.free.pop()
            return self.names[output]
        else:
            kind = "x"
        self.count += 1
        self.names[output] = f"{kind}{self.count}"
        return self.names[output]

    def _release(self, node: Node, index: int) -> None:
        for name in sorted(set(node.inputs)):
            variable = self.names.get(name, "")
            mine = re.fullmatch(r"x\d+", variable) and name not in self.graph.constants
            if mine and self.last[name] == index and name not in self.graph.outputs:
                self.free.append(variable)


def _identifier(layer: str, between: str) -> str:
    """A layer's path without the network's own name."""
    parts = [re.sub(r"\W", "_", part) for part in layer.split("/")[1:]]
    return between.join(parts)
