"""An equation of JAX as the rules that write it as ONNX see it.

JAX's arrays are channels last, ONNX's channels first: a tensor of four axes lies in the graph as
NCHW where its array is NHWC, any other as its array. A rule knows the array's axes, and `stored`
says where they lie.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganc.errors import UserError
from ganc.export.onnx.graph import Graph, Name, Resolve

CHANNELS_FIRST = (0, 3, 1, 2)


def order(rank: int) -> tuple[int, ...]:
    """The array's axes in the order in which the graph has them."""
    return CHANNELS_FIRST if rank == 4 else tuple(range(rank))


def stored(axis: int, rank: int) -> int:
    """Where the graph has an axis of the array."""
    return order(rank).index(axis)


class Operand(NamedTuple):
    """An input of an equation.

    Attributes:
        shape: of the array; its sizes may be expressions.
        name: of the tensor; None for a constant.
        array: the constant, as the array lies.
    """

    shape: tuple[Any, ...]
    name: Name | None
    array: np.ndarray | None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)


class Equation(NamedTuple):
    """An equation with what its rule needs.

    Attributes:
        graph: to which the rule adds nodes.
        resolve: traced sizes -> those of the graph.
        inputs: see `Operand`.
        params: of the primitive.
        shapes: of the results.
        dtypes: of the results.
    """

    graph: Graph
    resolve: Resolve
    inputs: Sequence[Operand]
    params: Any
    shapes: Sequence[tuple[Any, ...]]
    dtypes: Sequence[np.dtype]

    def name(self, index: int = 0) -> Name:
        """The tensor of an input, also if it is a constant."""
        operand = self.inputs[index]
        if operand.name is not None:
            return operand.name
        assert operand.array is not None
        return self.graph.constant(operand.array.transpose(order(operand.rank)))

    def move(self, name: Name, found: Sequence[Any], wanted: Sequence[Any]) -> Name:
        """A tensor whose axes are `found`, in that order, with its axes as `wanted`."""
        if list(found) == list(wanted):
            return name
        return self.graph.add("Transpose", name, perm=[list(found).index(axis) for axis in wanted])


Rule = Callable[[Equation], "Name | list[Name]"]


class Refused(UserError):
    """What a rule can't express; the message says what of the primitive."""


_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}


def cast(graph: Graph, name: Name, dtype: Any) -> Name:
    """A tensor as `dtype`."""
    known = np.dtype(dtype).name
    if known not in _TYPES:
        raise Refused(f"{known}, which is none of {', '.join(_TYPES)}")
    return graph.add("Cast", name, to=_TYPES[known])
