"""What a student can take over from its teacher before it is trained."""

from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.errors import UserError
from ganc.types import Generator, Model, Params


def inherit(student: Generator, params: Params, teacher: Model) -> tuple[Params, list[str]]:
    """`params` with the layers that the teacher has too, its most important channels first.

    A supernet's architectures keep the first channels of every group, so the order is what makes a
    narrow one start from the channels that matter. A mobile ResNet takes over all but the separable
    blocks of a dense one.

    Args:
        student: the supernet.
        params: its initial parameters, at full width.
        teacher: at the student's width or wider; of what is narrower nothing is taken.

    Returns: the parameters, and the paths of those that were taken over.

    Raises:
        UserError: nothing can be taken over.

    Reference: Li et al. 2020 (arXiv 2003.08936), section 3.2, rank by the L1 norm of the filters.
    """
    axes, full = (
        teacher.generator.axes,
        channels.read_widths(teacher.params, teacher.generator.axes),
    )
    ranked = channels.importance(teacher.params, axes, teacher.generator.statistics)
    keep = {
        group: np.argsort(-values, kind="stable")[: student.widths.get(group, full[group])]
        for group, values in ranked.items()
    }
    theirs: Any = flatten_dict(channels.slice_params(teacher.params, axes, keep), sep="/")
    their_axes: Any = flatten_dict(axes, sep="/")
    our_axes: Any = flatten_dict(student.axes, sep="/")
    ours: Any = flatten_dict(params, sep="/")
    fits = {
        path: path in theirs
        and theirs[path].shape == array.shape
        and their_axes[path] == our_axes[path]
        for path, array in ours.items()
    }
    # A layer is taken whole: a bias without its kernel is worth nothing.
    layers = {path.rpartition("/")[0] for path in ours}
    misfits = {path.rpartition("/")[0] for path, fit in fits.items() if not fit}
    taken = [path for path in ours if path.rpartition("/")[0] in layers - misfits]
    if not taken:
        raise UserError(
            "the student cannot start from its teacher: no layer of the one is as wide as in the "
            "other, and of the same name; leave out --inherit"
        )
    return unflatten_dict(ours | {path: theirs[path] for path in taken}, sep="/"), taken
