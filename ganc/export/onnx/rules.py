"""What each primitive of JAX is in ONNX.

JAX's arrays are channels last, ONNX's channels first: a tensor of four axes lies in the graph as
NCHW where its array is NHWC, any other as its array. A rule knows the array's axes, and `stored`
says where they lie.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganc.errors import UserError
from ganc.export.onnx.graph import END, Graph, Name, Resolve

_CHANNELS_FIRST = (0, 3, 1, 2)


def order(rank: int) -> tuple[int, ...]:
    """The array's axes in the order in which the graph has them."""
    return _CHANNELS_FIRST if rank == 4 else tuple(range(rank))


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


def _same(op: str) -> Rule:
    def rule(e: Equation) -> Name:
        return e.graph.add(op, *(e.name(i) for i in range(len(e.inputs))))

    return rule


def _identity(e: Equation) -> Name:
    return e.name()


def _maximum(e: Equation) -> Name:
    for i, operand in enumerate(e.inputs):
        if operand.array is not None and operand.array.shape == () and operand.array == 0:
            return e.graph.add("Relu", e.name(1 - i))
    return e.graph.add("Max", e.name(0), e.name(1))


def _power(e: Equation) -> Name:
    return e.graph.add("Pow", e.name(), np.asarray(e.params["y"], e.dtypes[0]))


def _select(e: Equation) -> Name:
    if len(e.inputs) != 3:
        raise Refused("more than two cases")
    return e.graph.add("Where", e.name(0), e.name(2), e.name(1))


def _round(e: Equation) -> Name:
    if int(e.params["rounding_method"]) != 1:
        raise Refused("halves that are rounded away from zero")
    return e.graph.add("Round", e.name())


def _clamp(e: Equation) -> Name:
    return e.graph.add("Min", e.graph.add("Max", e.name(1), e.name(0)), e.name(2))


def _cast(e: Equation) -> Name:
    return cast(e.graph, e.name(), e.dtypes[0])


_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}


def cast(graph: Graph, name: Name, dtype: Any) -> Name:
    """A tensor as `dtype`."""
    known = np.dtype(dtype).name
    if known not in _TYPES:
        raise Refused(f"{known}, which is none of {', '.join(_TYPES)}")
    return graph.add("Cast", name, to=_TYPES[known])


def _broadcast(e: Equation) -> Name:
    shape, places = e.shapes[0], e.params["broadcast_dimensions"]
    rank, operand = len(shape), e.inputs[0]
    # Axes of the result: those of the operand keep their order of the graph, the others are new.
    wanted = [axis for axis in order(rank) if axis in places]
    name = e.move(e.name(), [places[axis] for axis in order(operand.rank)], wanted)
    if new := [i for i, axis in enumerate(order(rank)) if axis not in places]:
        name = e.graph.add("Unsqueeze", name, np.asarray(new, np.int64))
    sizes = dict(zip(places, operand.shape, strict=True))
    if all(sizes.get(axis, 1) == size for axis, size in enumerate(shape)):
        return name
    return e.graph.add("Expand", name, _sizes(e, [shape[axis] for axis in order(rank)]))


def _sizes(e: Equation, shape: Sequence[Any]) -> Name:
    return e.graph.integers(e.resolve(size) for size in shape)


def _reshape(e: Equation) -> Name:
    before, after = e.inputs[0].rank, len(e.shapes[0])
    if e.params.get("dimensions") is not None:
        raise Refused("dimensions in another order")
    name = e.move(e.name(), order(before), range(before))
    name = e.graph.add("Reshape", name, _sizes(e, e.shapes[0]))
    return e.move(name, range(after), order(after))


def _without(e: Equation, name: Name, dropped: Sequence[int], rank: int) -> Name:
    """A tensor of which axes were dropped, as a tensor of its new rank lies."""
    kept = [axis for axis in order(rank) if axis not in dropped]
    return e.move(name, kept, [sorted(kept)[axis] for axis in order(len(kept))])


def _squeeze(e: Equation) -> Name:
    return _dropped(e, e.name(), e.params["dimensions"], e.inputs[0].rank)


def _dropped(e: Equation, name: Name, axes: Sequence[int], rank: int) -> Name:
    places = np.asarray([stored(axis, rank) for axis in axes], np.int64)
    return _without(e, e.graph.add("Squeeze", name, places), axes, rank)


def _reduce(op: str) -> Rule:
    def rule(e: Equation) -> Name:
        rank, axes = e.inputs[0].rank, e.params["axes"]
        places = [stored(axis, rank) for axis in axes]
        if op == "ReduceSum":  # the first whose axes became an input
            name = e.graph.add(op, e.name(), np.asarray(places, np.int64), keepdims=0)
        else:
            name = e.graph.add(op, e.name(), axes=places, keepdims=0)
        return _without(e, name, axes, rank)

    return rule


def _transpose(e: Equation) -> Name:
    rank, permutation = e.inputs[0].rank, e.params["permutation"]
    return e.move(e.name(), order(rank), [permutation[axis] for axis in order(rank)])


def _concatenate(e: Equation) -> Name:
    axis = stored(e.params["dimension"], len(e.shapes[0]))
    return e.graph.add("Concat", *(e.name(i) for i in range(len(e.inputs))), axis=axis)


def _cut(e: Equation, places: dict[int, tuple[Any, Any, int]]) -> Name:
    """Array axis -> start, end and step."""
    if not places:
        return e.name()
    axes = [stored(axis, e.inputs[0].rank) for axis in places]
    starts, ends, steps = ([place[i] for place in places.values()] for i in range(3))
    vectors = (_sizes(e, starts), _sizes(e, ends), e.graph.integers(axes), e.graph.integers(steps))
    return e.graph.add("Slice", e.name(), *vectors)


def _slice(e: Equation) -> Name:
    starts, ends, shape = e.params["start_indices"], e.params["limit_indices"], e.inputs[0].shape
    steps = e.params["strides"] or (1,) * len(shape)
    places = {}
    for axis, (start, end, step, size) in enumerate(zip(starts, ends, steps, shape, strict=True)):
        whole = end == size
        if not (whole and start == 0 and step == 1):
            places[axis] = (start, END if whole else end, step)
    return _cut(e, places)


def _split(e: Equation) -> list[Name]:
    ends = np.cumsum(e.params["sizes"]).tolist()
    axis = e.params["axis"]
    return [
        _cut(e, {axis: (start, end, 1)}) for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]


def _reverse(e: Equation) -> Name:
    return _cut(e, {axis: (-1, -END, -1) for axis in e.params["dimensions"]})


def _gather(e: Equation) -> Name:
    """A slice at constant places, as JAX writes `x[:, 1:-1, 0]` where sizes are symbols."""
    numbers, starts = e.params["dimension_numbers"], e.inputs[1].array
    if starts is None or starts.ndim != 1 or numbers.operand_batching_dims:
        raise Refused("an index that is computed, or an array of them")
    places = {}
    for axis, start in zip(numbers.start_index_map, starts.tolist(), strict=True):
        places[axis] = (start, start + e.params["slice_sizes"][axis], 1)
    name, dropped, rank = _cut(e, places), numbers.collapsed_slice_dims, e.inputs[0].rank
    if not dropped:
        return name
    return _dropped(e, name, dropped, rank)


def _pad(e: Equation) -> Name:
    config, rank = e.params["padding_config"], e.inputs[0].rank
    if any(inner or lo < 0 or hi < 0 for lo, hi, inner in config):
        raise Refused(f"padding between the elements, or a negative one: {config}")
    sides = [config[axis] for axis in order(rank)]
    pads = e.graph.integers([side[i] for i in range(2) for side in sides])
    return e.graph.add("Pad", e.name(0), pads, e.name(1), mode="constant")


def _product(e: Equation) -> Name:
    (left, right), (batch_left, batch_right) = e.params["dimension_numbers"]
    a, b = (e.inputs[i].rank for i in range(2))
    if (a, b, tuple(left), tuple(right)) == (2, 2, (1,), (0,)):
        return e.graph.add("MatMul", e.name(0), e.name(1))
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    first = [next(letters) for _ in range(a)]
    second = [next(letters) for _ in range(b)]
    for i, j in zip((*left, *batch_left), (*right, *batch_right), strict=True):
        second[j] = first[i]
    batch = [first[i] for i in batch_left]
    rest = [c for i, c in enumerate(first) if i not in (*left, *batch_left)]
    rest += [c for i, c in enumerate(second) if i not in (*right, *batch_right)]
    texts = ["".join(c[axis] for axis in order(len(c))) for c in (first, second, batch + rest)]
    equation = f"{texts[0]},{texts[1]}->{texts[2]}"
    return e.graph.add("Einsum", e.name(0), e.name(1), equation=equation)


def _convolution(e: Equation) -> Name:
    p, numbers = e.params, e.params["dimension_numbers"]
    kernel = e.inputs[1].array
    if kernel is None:
        raise Refused("a kernel that depends on the picture")
    spatial = numbers.lhs_spec == numbers.out_spec == _CHANNELS_FIRST and kernel.ndim == 4
    if not spatial or p["batch_group_count"] != 1:
        raise Refused(f"{numbers}, expected pictures as NHWC")
    kernel = kernel.transpose(numbers.rhs_spec)
    sides = [int(side[i]) for i in range(2) for side in p["padding"]]
    if any(step != 1 for step in p["lhs_dilation"]):
        return _transposed(e, kernel, sides)
    options = {
        "strides": list(p["window_strides"]),
        "dilations": list(p["rhs_dilation"]),
        "group": p["feature_group_count"],
        "pads": sides,
    }
    return e.graph.add("Conv", e.name(0), kernel, kernel_shape=kernel.shape[2:], **options)


def _transposed(e: Equation, kernel: np.ndarray, sides: Sequence[int]) -> Name:
    p = e.params
    if p["feature_group_count"] != 1 or (*p["window_strides"], *p["rhs_dilation"]) != (1,) * 4:
        raise Refused("a transposed convolution with groups, strides or dilations")
    strides = list(p["lhs_dilation"])
    # JAX pads what it correlates with; ONNX counts what it cuts off, and the side with less can
    # be written as if it were even, with more of the output behind it.
    cut = [kernel.shape[2 + i % 2] - 1 - side for i, side in enumerate(sides)]
    more = [max(before - after, 0) for before, after in zip(cut[:2], cut[2:], strict=True)]
    pads = cut[:2] + [after + extra for after, extra in zip(cut[2:], more, strict=True)]
    if min(pads) < 0 or any(extra >= step for extra, step in zip(more, strides, strict=True)):
        raise Refused(f"a transposed convolution with the padding {p['padding']}")
    kernel = kernel[:, :, ::-1, ::-1].swapaxes(0, 1)
    options = {"strides": strides, "pads": pads, "output_padding": more}
    return e.graph.add("ConvTranspose", e.name(0), kernel, kernel_shape=kernel.shape[2:], **options)


def _size(e: Equation) -> Name:
    found = e.resolve(e.params["dim"])
    name = e.graph.constant(np.int64(found)) if isinstance(found, int) else found.name
    return cast(e.graph, name, e.dtypes[0])


def _operation(e: Equation) -> Name | list[Name]:
    name = e.params["name"]
    if name not in OPERATIONS:
        raise Refused(f"the operation {name}")
    return OPERATIONS[name](e)


def _pad2d(e: Equation) -> Name:
    amount = e.params["options"]["amount"]
    if amount == 0:
        return e.name()
    pads = e.graph.integers([0, 0, amount, amount] * 2)
    if e.params["options"]["padding"] == "reflect":
        return e.graph.add("Pad", e.name(), pads, mode="reflect")
    return e.graph.add("Pad", e.name(), pads, np.zeros((), np.float32), mode="constant")


def _instance_norm(e: Equation) -> Name:
    channels = e.inputs[0].shape[-1]
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    eps = float(e.params["options"]["eps"])
    return e.graph.add("InstanceNormalization", e.name(), ones, zeros, epsilon=eps)


def _upsample(e: Equation) -> Name:
    scales = np.asarray([1, 1, 2, 2], np.float32)
    modes = {"mode": "nearest", "nearest_mode": "floor"}
    modes["coordinate_transformation_mode"] = "asymmetric"
    return e.graph.add("Resize", e.name(), "", scales, **modes)


OPERATIONS: dict[str, Rule] = {
    "pad2d": _pad2d,
    "instance_norm": _instance_norm,
    "upsample": _upsample,
    "leaky": lambda e: e.graph.add("LeakyRelu", e.name(), alpha=0.2),
}
"""Of `ganc.nn.operation`."""

_SAME = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "min": "Min",
    "neg": "Neg",
    "exp": "Exp",
    "log": "Log",
    "tanh": "Tanh",
    "logistic": "Sigmoid",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "erf": "Erf",
    "pow": "Pow",
    "eq": "Equal",
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
}

RULES: dict[str, Rule] = {
    **{primitive: _same(op) for primitive, op in _SAME.items()},
    "copy": _identity,
    "stop_gradient": _identity,
    "max": _maximum,
    "square": lambda e: e.graph.add("Mul", e.name(), e.name()),
    "rsqrt": lambda e: e.graph.add("Reciprocal", e.graph.add("Sqrt", e.name())),
    "integer_pow": _power,
    "select_n": _select,
    "round": _round,
    "clamp": _clamp,
    "convert_element_type": _cast,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "slice": _slice,
    "gather": _gather,
    "split": _split,
    "rev": _reverse,
    "pad": _pad,
    "reduce_sum": _reduce("ReduceSum"),
    "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"),
    "dot_general": _product,
    "conv_general_dilated": _convolution,
    "dim_as_value": _size,
    "operation": _operation,
}
"""Primitive -> its rule."""
