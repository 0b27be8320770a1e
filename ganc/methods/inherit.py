"""What a student can take over from its teacher before it is trained."""

from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.types import Generator, Model, Params


def inherit(student: Generator, teacher: Model) -> Params:
    """The layers of the teacher that the student has too, its most important channels first.

    A supernet's architectures keep the first channels of every group, so the order is what makes a
    narrow one start from the channels that matter. A mobile ResNet takes over all but the separable
    blocks of a dense one; of a network of another family it takes nothing.

    Args:
        student: the supernet, as wide as the teacher or narrower; what is wider it does not take.
        teacher: a generator with its weights.

    Returns: a part of the student's parameters, at full width; empty where nothing fits.

    Reference: Li et al. 2020 (arXiv 2003.08936), section 3.2, rank by the L1 norm of the filters.
    """
    axes = teacher.generator.axes
    ranked = channels.importance(teacher.params, axes, teacher.generator.statistics)
    keep = {
        group: np.argsort(-values, kind="stable")[: student.widths.get(group, len(values))]
        for group, values in ranked.items()
    }
    theirs: Any = flatten_dict(channels.slice_params(teacher.params, axes, keep), sep="/")
    their_axes: Any = flatten_dict(axes, sep="/")
    ours: Any = flatten_dict(jax.eval_shape(student.init, jax.random.key(0)), sep="/")
    our_axes: Any = flatten_dict(student.axes, sep="/")
    # A layer is taken whole: a bias without its kernel is worth nothing.
    misfits = {
        path.rpartition("/")[0]
        for path, array in ours.items()
        if path not in theirs
        or theirs[path].shape != array.shape
        or their_axes[path] != our_axes[path]
    }
    taken = {path: theirs[path] for path in ours if path.rpartition("/")[0] not in misfits}
    return unflatten_dict(taken, sep="/")
