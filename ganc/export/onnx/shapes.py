"""The primitives of JAX that move, repeat, cut and sum arrays, as ONNX: the rules of `rules.py`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganc.export.onnx.equation import Equation, Refused, Rule, order, stored
from ganc.export.onnx.graph import END, Name


def broadcast(e: Equation) -> Name:
    """`broadcast_in_dim`: new axes, and repetition along those of one element."""
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


def reshape(e: Equation) -> Name:
    """`reshape`, in the order of the array's axes."""
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


def squeeze(e: Equation) -> Name:
    """`squeeze`: axes of one element are dropped."""
    return _dropped(e, e.name(), e.params["dimensions"], e.inputs[0].rank)


def _dropped(e: Equation, name: Name, axes: Sequence[int], rank: int) -> Name:
    places = np.asarray([stored(axis, rank) for axis in axes], np.int64)
    return _without(e, e.graph.add("Squeeze", name, places), axes, rank)


def reduce(op: str) -> Rule:
    """The rule of a reduction that drops its axes, by the operator `op`."""

    def rule(e: Equation) -> Name:
        rank, axes = e.inputs[0].rank, e.params["axes"]
        places = [stored(axis, rank) for axis in axes]
        if op == "ReduceSum":  # the first whose axes became an input
            name = e.graph.add(op, e.name(), np.asarray(places, np.int64), keepdims=0)
        else:
            name = e.graph.add(op, e.name(), axes=places, keepdims=0)
        return _without(e, name, axes, rank)

    return rule


def transpose(e: Equation) -> Name:
    """`transpose`, of the array's axes."""
    rank, permutation = e.inputs[0].rank, e.params["permutation"]
    return e.move(e.name(), order(rank), [permutation[axis] for axis in order(rank)])


def concatenate(e: Equation) -> Name:
    """`concatenate` along one axis."""
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


def slice_(e: Equation) -> Name:
    """`slice`; an axis that is whole stays whole at any size."""
    starts, ends, shape = e.params["start_indices"], e.params["limit_indices"], e.inputs[0].shape
    steps = e.params["strides"] or (1,) * len(shape)
    places = {}
    for axis, (start, end, step, size) in enumerate(zip(starts, ends, steps, shape, strict=True)):
        whole = end == size
        if not (whole and start == 0 and step == 1):
            places[axis] = (start, END if whole else end, step)
    return _cut(e, places)


def split(e: Equation) -> list[Name]:
    """`split` into pieces of known sizes."""
    ends = np.cumsum(e.params["sizes"]).tolist()
    axis = e.params["axis"]
    return [
        _cut(e, {axis: (start, end, 1)}) for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]


def reverse(e: Equation) -> Name:
    """`rev`: axes are turned round."""
    return _cut(e, {axis: (-1, -END, -1) for axis in e.params["dimensions"]})


def gather(e: Equation) -> Name:
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


def pad(e: Equation) -> Name:
    """`pad` with a constant, outside the array."""
    config, rank = e.params["padding_config"], e.inputs[0].rank
    if any(inner or lo < 0 or hi < 0 for lo, hi, inner in config):
        raise Refused(f"padding between the elements, or a negative one: {config}")
    sides = [config[axis] for axis in order(rank)]
    pads = e.graph.integers([side[i] for i in range(2) for side in sides])
    return e.graph.add("Pad", e.name(0), pads, e.name(1), mode="constant")
