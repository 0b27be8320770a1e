"""An ONNX graph while it is made: named tensors, nodes of one output each, constants."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Name = str
"""Of a tensor of the graph."""

END = np.iinfo(np.int64).max


@dataclass
class Node:
    """One operator.

    Attributes:
        op: its name in ONNX.
        inputs: names of tensors; empty for an optional one that is left out.
        output: the name of its result.
        attributes: by name.
        layer: the layer of the network that it belongs to.
    """

    op: str
    inputs: list[Name]
    output: Name
    attributes: dict[str, Any]
    layer: str = ""


@dataclass
class Graph:
    """Nodes in an order in which they can be run, and constants by name.

    Attributes:
        nodes: see above.
        constants: see above.
        outputs: what is kept.
        shapes: of tensors as they were traced, the array's (b h w c) of those of four axes; sizes
            may be expressions.
        layer: what the next nodes belong to.
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[Name, np.ndarray] = field(default_factory=dict)
    outputs: list[Name] = field(default_factory=list)
    shapes: dict[Name, tuple[Any, ...]] = field(default_factory=dict)
    layer: str = ""
    _known: dict[Any, Name] = field(default_factory=dict)
    _count: int = 0

    def add(self, op: str, *inputs: "Name | np.ndarray | np.generic", **attributes: Any) -> Name:
        """The result of a new node, or of an equal one that is there; arrays become constants."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        key = (op, *names, repr(attributes))
        if key not in self._known:
            self._known[key] = self.fresh(op)
            self.nodes.append(Node(op, names, self._known[key], attributes, self.layer))
        return self._known[key]

    def constant(self, array: Any) -> Name:
        """The name of a constant; equal ones share it."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        name = self._known.setdefault(key, "") or self.fresh("constant")
        self._known[key], self.constants[name] = name, array
        return name

    def fresh(self, kind: str) -> Name:
        """A name that nothing has; it tells the layer and what it is."""
        self._count += 1
        place = re.sub(r"[^\w/.]", "_", self.layer)
        return f"{place}/{kind}_{self._count}" if place else f"{kind}_{self._count}"

    def integers(self, values: Iterable["int | Size"]) -> Name:
        """A vector of int64, of numbers and of sizes that are known at run time alone."""
        values = list(values)
        if all(isinstance(value, int | np.integer) for value in values):
            return self.constant(np.asarray(values, np.int64).reshape(-1))
        zero = np.zeros(1, np.int64)
        parts = [
            self.add("Unsqueeze", value.name, zero)
            if isinstance(value, Size)
            else self.constant(np.asarray([value], np.int64))
            for value in values
        ]
        return self.add("Concat", *parts, axis=0)

    def users(self) -> Mapping[Name, list[Node]]:
        """Tensor -> the nodes that take it."""
        found: dict[Name, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return found


@dataclass(frozen=True)
class Size:
    """A whole number that the graph computes: a size of its input, or made of such.

    Attributes:
        graph: it belongs to.
        name: of an int64 tensor without axes.
    """

    graph: Graph
    name: Name

    def _with(self, op: str, a: Any, b: Any) -> "Size":
        names = [x.name if isinstance(x, Size) else np.asarray(x, np.int64) for x in (a, b)]
        return Size(self.graph, self.graph.add(op, *names))

    def __add__(self, other: Any) -> "Size":
        return self._with("Add", self, other)

    def __sub__(self, other: Any) -> "Size":
        return self._with("Sub", self, other)

    def __rsub__(self, other: Any) -> "Size":
        return self._with("Sub", other, self)

    def __mul__(self, other: Any) -> "Size":
        return self._with("Mul", self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Size":
        return self * -1

    def __floordiv__(self, other: Any) -> "Size":
        """Of sizes that are not negative: ONNX rounds towards zero."""
        return self._with("Div", self, other)

    def __pow__(self, exponent: int) -> "Size":
        return self if exponent == 1 else self * self ** (exponent - 1)

    def at_least(self, other: int) -> "Size":
        """The larger of the two."""
        return self._with("Max", self, other)


def size_of(graph: Graph, tensor: Name, axis: int) -> Size:
    """The size of a tensor along one axis."""
    shape = graph.add("Shape", tensor)
    return Size(graph, graph.add("Gather", shape, np.asarray(axis, np.int64), axis=0))


_FUNCTIONS = {"floordiv": lambda a, b: a // b, "mod": lambda a, b: a - a // b * b}

Resolve = Callable[[Any], "int | Size"]
"""A size as JAX traces it, a number or an expression of the input's sizes -> what the graph has."""


def resolver(sizes: Mapping[str, "int | Size"]) -> Resolve:
    """A `Resolve` from what the letters of the traced sizes stand for."""
    known: dict[str, Any] = {}

    def resolve(dim: Any) -> "int | Size":
        if isinstance(dim, int | np.integer):
            return int(dim)
        text = str(dim)
        if text not in known:
            # JAX writes its expressions as arithmetic, with ^ for powers, and reads them back so.
            known[text] = eval(text.replace("^", "**"), {"__builtins__": {}, **_FUNCTIONS, **sizes})
        return known[text]

    return resolve
