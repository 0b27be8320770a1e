"""How channels pass through what sums over them: convolutions, matrices, reductions, windows."""

from collections.abc import Sequence

import numpy as np

from ganc.discovery.identities import Ids
from ganc.discovery.program import Step
from ganc.discovery.walk import Axes, Walk, only, refuse


def convolution(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """Any convolution; one in blocks loses the same channels of each."""
    (x, kernel), numbers, same = axes, step.params["dimension_numbers"], walk.identities.same
    blocks = step.params["feature_group_count"]
    if step.params["batch_group_count"] != 1:
        return refuse(walk, step, axes, "with groups of pictures")
    for place, taps in zip(numbers.lhs_spec[2:], numbers.rhs_spec[2:], strict=True):
        walk.identities.fix(x[place])
        walk.identities.fix(kernel[taps])
    source = x[numbers.lhs_spec[1]]
    out, entering = (kernel[axis] for axis in numbers.rhs_spec[:2])
    if is_depthwise(step, walk.shape(step.operands[0])):
        times = walk.shape(step.operands[1])[numbers.rhs_spec[0]] // blocks
        out = same(None if source is None else source.repeat(times), out)
    else:  # with blocks, each loses the same places
        same(source, None if entering is None else np.tile(entering, blocks))
        if blocks > 1 and out is not None:
            out = same(out, np.tile(out[: len(out) // blocks], blocks))
    result: list[Ids] = [None] * len(x)
    result[numbers.out_spec[0]], result[numbers.out_spec[1]] = x[numbers.lhs_spec[0]], out
    return [tuple(result)]


def is_depthwise(step: Step, shape: Sequence[int]) -> bool:
    """Whether a convolution of an input of this shape has a filter or more per channel."""
    blocks = step.params["feature_group_count"]
    return blocks > 1 and blocks == shape[step.params["dimension_numbers"].lhs_spec[1]]


def matrices(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """A product of matrices: channels that are summed over are one."""
    (x, y), same = axes, walk.identities.same
    (x_sum, y_sum), (x_batch, y_batch) = step.params["dimension_numbers"]
    for i, j in zip(x_sum, y_sum, strict=True):
        same(x[i], y[j])
    batch = [same(x[i], y[j]) for i, j in zip(x_batch, y_batch, strict=True)]
    free_x = [ids for i, ids in enumerate(x) if i not in (*x_sum, *x_batch)]
    free_y = [ids for i, ids in enumerate(y) if i not in (*y_sum, *y_batch)]
    return [(*batch, *free_x, *free_y)]


def reduction(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """A sum may go over channels; nothing else that reduces may."""
    gone = step.params["axes"]
    if step.name != "reduce_sum":
        only(walk, step, axes[0], set(range(len(axes[0]))) - set(gone), "over channels")
    return [tuple(ids for i, ids in enumerate(axes[0]) if i not in gone)]


def window(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """Pooling, whose windows may not go over channels."""
    sizes, strides = step.params["window_dimensions"], step.params["window_strides"]
    padding = step.params["padding"]
    kept = {
        i for i, size in enumerate(sizes) if (size, strides[i], tuple(padding[i])) == (1, 1, (0, 0))
    }
    return [only(walk, step, axes[0], kept, "over channels")]
