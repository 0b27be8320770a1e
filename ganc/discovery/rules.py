"""How channels pass through operations: one rule per primitive, none for what is not understood."""

from collections.abc import Sequence
from math import prod

import numpy as np

from ganc.discovery import contractions, indexing
from ganc.discovery.identities import FIXED, Ids
from ganc.discovery.program import Step
from ganc.discovery.walk import Axes, Rule, Walk, agreed, only, refuse

_ELEMENTWISE = """
abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp convert_element_type copy
copy_p cos cosh device_put div eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge gt imag integer_pow
is_finite le le_to lgamma log log1p log2 logistic lt lt_to max min mul name ne neg nextafter not
one_minus_square optimization_barrier or pow real reduce_precision relu rem round rsqrt select_n
sharding_constraint shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square
stop_gradient sub tan tanh xor
""".split()


def _elementwise(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    result, *others = step.results
    if others:  # each operand is handed on
        return axes
    shape = walk.shape(result)
    shapes = [walk.shape(operand) for operand in step.operands]
    # Operands may be scalars, and axes of length 1 are broadcast.
    return [
        tuple(
            agreed(walk, [a[i] for a, own in zip(axes, shapes, strict=True) if own and own[i] > 1])
            for i in range(len(shape))
        )
    ]


def _bitcast(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    same = walk.shape(step.operands[0]) == walk.shape(step.results[0])
    return axes if same else refuse(walk, step, axes)


def _broadcast(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    shape = walk.shape(step.results[0])
    kept = dict(zip(step.params["broadcast_dimensions"], axes[0], strict=False))
    from_one = dict(
        zip(step.params["broadcast_dimensions"], walk.shape(step.operands[0]), strict=False)
    )
    new = walk.identities.fresh(shape)
    return [tuple(new[i] if from_one.get(i, 1) == 1 else kept[i] for i in range(len(shape)))]


def _reshape(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    old, new = walk.shape(step.operands[0]), walk.shape(step.results[0])
    if step.params.get("dimensions") is not None or 0 in old:
        return refuse(walk, step, axes)
    result: list[Ids] = [None] * len(new)
    for before, after in _blocks(old, new):
        if len(before) == len(after) == 1:
            result[after[0]] = axes[0][before[0]]
        elif len(before) == 1 or len(after) == 1:
            made = walk.identities.fresh([new[i] for i in after])
            for i, ids in zip(after, made, strict=True):
                result[i] = ids
            parts, sizes = [axes[0][i] for i in before], [old[i] for i in before]
            if len(before) == 1:
                walk.identities.product(parts[0], made, [new[i] for i in after])
            else:
                walk.identities.product(made[0], parts, sizes)
        else:
            for i in before:
                walk.identities.fix(axes[0][i], f"reshape {old} to {new} in {step.where}")
    return [tuple(result)]


def _blocks(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The smallest runs of axes, those of length 1 aside, that become one another."""
    left = [i for i, size in enumerate(old) if size > 1]
    right = [i for i, size in enumerate(new) if size > 1]
    blocks = []
    while left:
        before, after = [left.pop(0)], [right.pop(0)]
        while (a := prod(old[i] for i in before)) != (b := prod(new[i] for i in after)):
            if a < b:
                before.append(left.pop(0))
            else:
                after.append(right.pop(0))
        blocks.append((before, after))
    return blocks


def _transpose(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    return [tuple(axes[0][i] for i in step.params["permutation"])]


def _squeeze(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    return [tuple(ids for i, ids in enumerate(axes[0]) if i not in step.params["dimensions"])]


def _concatenate(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    dimension = step.params["dimension"]
    sizes = [walk.shape(operand)[dimension] for operand in step.operands]
    parts = [_filled(a[dimension], size) for a, size in zip(axes, sizes, strict=True)]
    whole = range(len(axes[0]))
    return [
        tuple(
            _joined(parts) if i == dimension else agreed(walk, [a[i] for a in axes]) for i in whole
        )
    ]


def _filled(ids: Ids, size: int) -> np.ndarray:
    return np.full(size, FIXED) if ids is None else ids


def _joined(parts: Sequence[np.ndarray]) -> Ids:
    whole = np.concatenate(parts)
    return whole if len(whole) > 1 and whole.any() else None


def _stack(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    result = [agreed(walk, [a[i] for a in axes]) for i in range(len(axes[0]))]
    result.insert(step.params["axis"], None)
    return [tuple(result)]


def _unstack(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    axis = step.params["axis"]
    walk.identities.fix(axes[0][axis])
    return [tuple(ids for i, ids in enumerate(axes[0]) if i != axis)] * len(step.results)


def _tile(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    new = walk.identities.fresh(walk.shape(step.results[0]))
    sizes, reps = walk.shape(step.operands[0]), step.params["reps"]
    result = []
    for ids, fresh, size, times in zip(axes[0], new, sizes, reps, strict=True):
        result.append(fresh if size == 1 else None if ids is None else np.tile(ids, times))
    return [tuple(result)]


def _cut(walk: Walk, ids: Ids, start: int, limit: int) -> Ids:
    if ids is None or limit - start == len(ids):
        return ids
    part = ids[start:limit]
    if len(part) < 2:  # of one place none can go
        walk.identities.fix(part)
        return None
    return part


def _slice(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    strides = step.params["strides"] or (1,) * len(axes[0])
    bounds = zip(step.params["start_indices"], step.params["limit_indices"], strict=True)
    result = []
    for ids, (start, limit), stride in zip(axes[0], bounds, strides, strict=True):
        if stride != 1:
            walk.identities.fix(ids, f"slice of every {stride}th channel in {step.where}")
            result.append(None)
        else:
            result.append(_cut(walk, ids, start, limit))
    return [tuple(result)]


def _split(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    axis, start, results = step.params["axis"], 0, []
    for size in step.params["sizes"]:
        part = _cut(walk, axes[0][axis], start, start + size)
        results.append((*axes[0][:axis], part, *axes[0][axis + 1 :]))
        start += size
    return results


def _pad(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    kept = {i for i, config in enumerate(step.params["padding_config"]) if config == (0, 0, 0)}
    return [only(walk, step, axes[0], kept, "of channels")]


def _along(parameter: str) -> Rule:
    """An operation that looks along one axis, or several, and leaves the others alone."""

    def rule(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
        if len(step.results) > 1:  # a sort that carries others along
            return refuse(walk, step, axes)
        along = step.params[parameter]
        along = {along} if isinstance(along, int) else set(along)
        return [
            only(walk, step, operand, set(range(len(operand))) - along, "along channels")
            for operand in axes[:1]
        ]

    return rule


def _iota(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    new = walk.identities.fresh(walk.shape(step.results[0]))
    return [tuple(None if i == step.params["dimension"] else ids for i, ids in enumerate(new))]


def _scan(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    body = step.body
    assert body is not None
    constants, count = walk.loop(step)
    rows = constants + count
    for operand in axes[rows:]:
        walk.identities.fix(operand[0])
    inputs = axes[:rows] + [operand[1:] for operand in axes[rows:]]
    walk.axes |= zip(body.inputs, inputs, strict=True)
    walk.steps(body)
    outputs = [walk.of(output) for output in body.outputs]
    carried = axes[constants:rows]
    for before, after in zip(carried, outputs, strict=False):
        for pair in zip(before, after, strict=True):
            walk.identities.same(*pair)
    return [*carried, *((None, *output) for output in outputs[len(carried) :])]


RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(
        ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or"),
        contractions.reduction,
    ),
    **dict.fromkeys(("argmax", "argmin"), contractions.reduction),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"), _along("axis")),
    **dict.fromkeys(
        ("reduce_window_sum", "reduce_window_max", "reduce_window_min"), contractions.window
    ),
    "bitcast_convert_type": _bitcast,
    "sort": _along("dimension"),
    "rev": _along("dimensions"),
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "concatenate": _concatenate,
    "stack": _stack,
    "unstack": _unstack,
    "tile": _tile,
    "slice": _slice,
    "split": _split,
    "pad": _pad,
    "gather": indexing.gather,
    "dynamic_slice": indexing.dynamic_slice,
    "dynamic_update_slice": indexing.dynamic_update_slice,
    **dict.fromkeys(
        ("scatter", "scatter-add", "scatter-mul", "scatter-min", "scatter-max"), indexing.scatter
    ),
    "iota": _iota,
    "conv_general_dilated": contractions.convolution,
    "dot_general": contractions.matrices,
    "scan": _scan,
}
"""Primitive -> its rule; all others are refused."""
