"""What a student can take over from its teacher before it is trained."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.errors import UserError
from ganc.metrics.layers import calls
from ganc.types import Generator, Keep, Model, Params

Ranking = Callable[[Model, Mapping[str, int]], Keep]
"""`ranking(model, widths)`: of every group the most important channels, by falling importance, at
most `widths` of them; groups that `widths` does not name keep all."""


def inherit(student: Generator, teacher: Model, ranking: Ranking) -> Params:
    """The layers of the teacher that the student has too, its most important channels first.

    A supernet's architectures keep the first channels of every group, so the order is what makes a
    narrow one start from the channels that matter. Of its own family, mobile like itself, a student
    takes over every layer; a mobile ResNet takes over all but the separable blocks of a dense one;
    of a network of another family it takes nothing.

    Args:
        student: the supernet, as wide as the teacher or narrower; what is wider it does not take.
        teacher: a generator with its weights.
        ranking: `rank` or `rank_everywhere`.

    Returns: a part of the student's parameters, at full width; empty where nothing fits.

    Reference: Li et al. 2020 (arXiv 2003.08936), section 3.2 and released code.
    """
    axes = teacher.generator.axes
    kept = channels.slice_params(teacher.params, axes, ranking(teacher, student.widths))
    theirs: Any = flatten_dict(kept, sep="/")
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


def rank(model: Model, widths: Mapping[str, int]) -> Keep:
    """The most important channels of every group, by falling importance, at most `widths` of them.

    Layer after layer, in the order in which the network runs: a kernel keeps the input channels
    that were chosen before it, and the importance of an output channel is the L1 norm of what is
    left of its filter. The first kernel that ends in a group ranks it; later ones, such as those
    that end in a residual trunk, follow.

    Args:
        model: whose channels.
        widths: channel group -> how many to keep; groups that it does not name keep all.

    Reference: Li et al. 2020 (arXiv 2003.08936), released code.

    Differs from the reference: it lets every convolution of GauGAN choose for itself that no skip
    binds, also where this library has one group for several: the hidden channels of a block's
    norms, and the inner and outer ones of the blocks that double the resolution. Here these follow
    the first.
    """
    generator = model.generator
    flat: Any = flatten_dict(model.params, sep="/")
    axes: Any = flatten_dict(generator.axes, sep="/")
    full, side = channels.read_widths(model.params, generator.axes), generator.divisor
    side *= -(-generator.minimum // side)
    keep: dict[str, np.ndarray] = {}
    for path, *_ in calls(generator, side, side):
        name = "/".join((*path, "kernel"))
        source, group = axes[name][-2:] if name in flat else (None, None)
        if not isinstance(group, str) or group in keep:
            continue
        kernel = np.abs(np.asarray(flat[name], np.float64))
        if source is not None:
            kernel = kernel.take(channels.places(source, keep, full), axis=-2)
        norms = kernel.sum(axis=tuple(range(kernel.ndim - 1)))
        keep[group] = np.argsort(-norms, kind="stable")[: widths.get(group, len(norms))]
    return keep


def check_inherits(student: Generator, teacher: Generator) -> None:
    """Refuses a teacher of which the student does not take over every layer.

    Raises:
        UserError: it is of another family or form, or narrower.
    """
    ours: Any = flatten_dict(student.axes, sep="/")
    theirs: Any = flatten_dict(teacher.axes, sep="/")
    lacking = [path for path, groups in ours.items() if theirs.get(path) != groups]
    if lacking:
        raise UserError(
            "the original pipeline takes a mobile teacher of the student's own family and depth, "
            f"such as --teacher train gives; this one has no {lacking[0]} like the student's"
        )
    for group, width in student.widths.items():
        if teacher.widths[group] < width:
            raise UserError(
                f"the teacher has {teacher.widths[group]} channels in {group}, the student "
                f"{width}; choose a smaller --ngf, or a larger --train-teacher.ngf"
            )


def rank_everywhere(model: Model, widths: Mapping[str, int]) -> Keep:
    """As `rank`, by the L1 norm of all that carries a channel, before it and behind it.

    What a channel is used for counts too, and a residual trunk is ranked by all its layers. The
    fast pipeline starts from it: on the search split its students score better so than by `rank`.
    """
    full: Any = flatten_dict(model.params, sep="/")
    axes: Any = flatten_dict(model.generator.axes, sep="/")
    sizes = channels.read_widths(model.params, model.generator.axes)
    total = {group: np.zeros(width) for group, width in sizes.items()}
    for path in full.keys() - model.generator.statistics:
        magnitude = np.abs(np.asarray(full[path], np.float64))
        for axis, group in enumerate(axes[path]):
            norms, offset = magnitude.sum(axis=tuple({*range(magnitude.ndim)} - {axis})), 0
            for name in channels.names(group):
                total[name] += norms[offset : offset + sizes[name]]
                offset += sizes[name]
    return {
        group: np.argsort(-norms, kind="stable")[: widths.get(group, len(norms))]
        for group, norms in total.items()
    }
