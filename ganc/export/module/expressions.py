"""What each operator of a graph is in PyTorch: one line of Python per node.

Sizes are Python's whole numbers and lists of them there, and what is made of sizes is arithmetic of
Python; all else is a tensor, or a number that is written out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ganc.errors import UserError
from ganc.export.onnx.graph import END, Graph, Name, Node


class Line(NamedTuple):
    """A node with what its expression needs.

    Attributes:
        node: see there.
        graph: its constants may be written out.
        names: of each tensor, size or number in the code: `x`, `self.weight`, `4`.
    """

    node: Node
    graph: Graph
    names: Mapping[Name, str]

    def name(self, index: int = 0) -> str:
        """How the code calls an input."""
        return self.names[self.node.inputs[index]]

    def array(self, index: int) -> np.ndarray | None:
        """An input, where it is a constant."""
        inputs = self.node.inputs
        return self.graph.constants.get(inputs[index]) if index < len(inputs) else None

    def known(self, index: int) -> list[int]:
        """An input that must be a constant, of whole numbers.

        Raises:
            UserError: it depends on the picture's size.
        """
        found = self.array(index)
        if found is None:
            raise UserError(f"layer {self.node.layer}: {self.node.op} by a size of the picture")
        return np.asarray(found, int).reshape(-1).tolist()

    def sizes(self, index: int) -> list[str]:
        """The elements of an input that is a list of whole numbers."""
        found, count = self.array(index), 4
        if found is not None:
            return [str(n) for n in self.known(index)]
        axes = self.array(3)
        count = count if axes is None else len(axes)
        return [f"{self.name(index)}[{i}]" for i in range(count)]


Expression = Callable[[Line], str]


def _call(function: str) -> Expression:
    def expression(line: Line) -> str:
        return f"{function}({', '.join(line.name(i) for i in range(len(line.node.inputs)))})"

    return expression


def _between(sign: str) -> Expression:
    return lambda line: f"{line.name(0)} {sign} {line.name(1)}"


def _bound(function: str, side: str) -> Expression:
    def expression(line: Line) -> str:
        for i in range(2):
            if (array := line.array(i)) is not None and array.ndim == 0:
                return f"torch.clamp({line.name(1 - i)}, {side}={line.name(i)})"
        return _call(f"torch.{function}")(line)

    return expression


def _conv(line: Line) -> str:
    a = line.node.attributes
    top, left, bottom, right = a["pads"]
    x, padding = line.name(), (top, left)
    if padding != (bottom, right):
        x, padding = f"F.pad({x}, {(left, right, top, bottom)})", (0, 0)
    options = _options(
        {"stride": a["strides"], "padding": padding, "dilation": a["dilations"]},
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)},
    )
    if a["group"] != 1:
        options += f", groups={a['group']}"
    return f"F.conv2d({x}, {_weights(line)}{options})"


def _transposed(line: Line) -> str:
    a = line.node.attributes
    top, left, bottom, right = a["pads"]
    options = _options(
        {"stride": a["strides"], "padding": (top, left), "output_padding": a["output_padding"]},
        {"padding": (0, 0), "output_padding": (0, 0)},
    )
    made = f"F.conv_transpose2d({line.name()}, {_weights(line)}{options})"
    cut = [f":-{n}" if (n := end - start) else ":" for start, end in ((top, bottom), (left, right))]
    return made if cut == [":", ":"] else f"{made}[..., {', '.join(cut)}]"


def _weights(line: Line) -> str:
    return ", ".join(line.name(i) for i in range(1, len(line.node.inputs)))


def _options(given: Mapping[str, Sequence[int]], usual: Mapping[str, tuple[int, ...]]) -> str:
    return "".join(
        f", {name}={tuple(values)}"
        for name, values in given.items()
        if tuple(values) != usual.get(name)
    )


def _norm(line: Line) -> str:
    eps = line.node.attributes["epsilon"]
    scale, shift = line.array(1), line.array(2)
    given = ""
    if scale is None or shift is None or (scale != 1).any() or shift.any():
        given = f"weight={line.name(1)}, bias={line.name(2)}, "
    return f"F.instance_norm({line.name()}, {given}eps={eps:g})"


def _pad(line: Line) -> str:
    sides, mode = line.known(1), line.node.attributes["mode"]
    rank = len(sides) // 2
    pairs = [sides[axis + side] for axis in reversed(range(rank)) for side in (0, rank)]
    while len(pairs) > 2 and not any(pairs[-2:]):
        del pairs[-2:]
    value = f", value={line.name(2)}" if mode == "constant" and len(line.node.inputs) > 2 else ""
    return f'F.pad({line.name()}, {tuple(pairs)}, mode="{mode}"{value})'


def _slice(line: Line) -> str:
    starts, ends, steps = line.sizes(1), line.sizes(2), line.known(4)
    places, flipped = {}, []
    for axis, start, end, step in zip(line.known(3), starts, ends, steps, strict=True):
        if step < 0:
            flipped.append(axis)  # whole axes alone are turned round
        else:
            start = "" if start == "0" else start
            end = "" if end == str(END) else end
            places[axis] = f"{start}:{end}" + (f":{step}" if step != 1 else "")
    if flipped:
        return f"torch.flip({line.name()}, {tuple(flipped)})"
    index = [places.get(axis, ":") for axis in range(max(places) + 1)]
    return f"{line.name()}[{', '.join(index)}]"


def _unsqueeze(line: Line) -> str:
    return line.name() + "".join(f".unsqueeze({axis})" for axis in sorted(line.known(1)))


def _reduced(function: str, axes: Callable[[Line], Sequence[int]]) -> Expression:
    return lambda line: f"torch.{function}({line.name()}, {tuple(axes(line))})"


def _cat(line: Line) -> str:
    parts = ", ".join(line.name(i) for i in range(len(line.node.inputs)))
    return f"torch.cat(({parts}), {line.node.attributes['axis']})"


_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}

EXPRESSIONS: dict[str, Expression] = {
    "Add": _between("+"),
    "Sub": _between("-"),
    "Mul": _between("*"),
    "Div": _between("/"),
    "MatMul": _between("@"),
    "Pow": _between("**"),
    "Equal": _between("=="),
    "Less": _between("<"),
    "LessOrEqual": _between("<="),
    "Greater": _between(">"),
    "GreaterOrEqual": _between(">="),
    "Neg": lambda line: f"-{line.name()}",
    "Max": _bound("maximum", "min"),
    "Min": _bound("minimum", "max"),
    "Relu": _call("torch.relu"),
    "Where": _call("torch.where"),
    **{
        op: _call(f"torch.{function}")
        for op, function in {
            "Exp": "exp",
            "Log": "log",
            "Tanh": "tanh",
            "Sigmoid": "sigmoid",
            "Sqrt": "sqrt",
            "Abs": "abs",
            "Sign": "sign",
            "Floor": "floor",
            "Ceil": "ceil",
            "Erf": "erf",
            "Round": "round",
            "Reciprocal": "reciprocal",
        }.items()
    },
    "LeakyRelu": lambda line: f"F.leaky_relu({line.name()}, {line.node.attributes['alpha']:g})",
    "Cast": lambda line: f"{line.name()}.to(torch.{_TYPES[line.node.attributes['to']]})",
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "DepthToSpace": lambda line: f"F.pixel_shuffle({line.name()}, 2)",
    "InstanceNormalization": _norm,
    "Pad": _pad,
    "Resize": lambda line: f"F.interpolate({line.name()}, scale_factor=2.0)",
    "Einsum": lambda line: (
        f'torch.einsum("{line.node.attributes["equation"]}", {line.name(0)}, {line.name(1)})'
    ),
    "Transpose": lambda line: f"{line.name()}.permute{tuple(line.node.attributes['perm'])}",
    "Reshape": lambda line: f"{line.name()}.reshape({line.name(1)})",
    "Expand": lambda line: f"{line.name()}.expand({line.name(1)})",
    "Unsqueeze": _unsqueeze,
    "Squeeze": lambda line: f"{line.name()}.squeeze({tuple(line.known(1))})",
    "ReduceSum": _reduced("sum", lambda line: line.known(1)),
    "ReduceMax": _reduced("amax", lambda line: line.node.attributes["axes"]),
    "ReduceMin": _reduced("amin", lambda line: line.node.attributes["axes"]),
    "Concat": _cat,
    "Slice": _slice,
}
"""Operator -> its expression, of tensors."""

SIZES: dict[str, Expression] = {
    "Add": _between("+"),
    "Sub": _between("-"),
    "Mul": _between("*"),
    "Div": _between("//"),
    "Max": _call("max"),
    "Shape": lambda line: f"{line.name()}.shape",
    "Gather": lambda line: f"{line.name()}[{line.known(1)[0]}]",
    "Unsqueeze": lambda line: f"[{line.name()}]",
    "Concat": lambda line: (
        f"[{', '.join(f'*{line.name(i)}' for i in range(len(line.node.inputs)))}]"
    ),
    "Cast": lambda line: f"float({line.name()})",
}
"""Operator -> its expression, where all that it takes are sizes. A cast makes a number."""

NUMBERS: dict[str, Expression] = {
    **{op: EXPRESSIONS[op] for op in ("Add", "Sub", "Mul", "Div", "Pow", "Neg")},
    "Max": _call("max"),
    "Min": _call("min"),
    "Cast": lambda line: f"float({line.name()})",
    "Sqrt": lambda line: f"{line.name()} ** 0.5",
    "Reciprocal": lambda line: f"1 / {line.name()}",
}
"""Operator -> its expression, where all that it takes are numbers that are made of sizes."""

MIXED = ("Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "LessOrEqual", "Greater")
"""Operators that take a number beside a tensor."""
