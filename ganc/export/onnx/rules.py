"""What each primitive of JAX is in ONNX; `equation.py` says how the arrays lie."""

from collections.abc import Sequence

import numpy as np

from ganc.export.onnx import shapes
from ganc.export.onnx.equation import CHANNELS_FIRST, Equation, Refused, Rule, cast, order
from ganc.export.onnx.graph import Name


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
    spatial = numbers.lhs_spec == numbers.out_spec == CHANNELS_FIRST and kernel.ndim == 4
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
    "broadcast_in_dim": shapes.broadcast,
    "reshape": shapes.reshape,
    "squeeze": shapes.squeeze,
    "transpose": shapes.transpose,
    "concatenate": shapes.concatenate,
    "slice": shapes.slice_,
    "gather": shapes.gather,
    "split": shapes.split,
    "rev": shapes.reverse,
    "pad": shapes.pad,
    "reduce_sum": shapes.reduce("ReduceSum"),
    "reduce_max": shapes.reduce("ReduceMax"),
    "reduce_min": shapes.reduce("ReduceMin"),
    "dot_general": _product,
    "conv_general_dilated": _convolution,
    "dim_as_value": _size,
    "operation": _operation,
}
"""Primitive -> its rule."""
