"""Making a student's features resemble a teacher's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from ganc import channels
from ganc.batching import evenly_spread
from ganc.errors import UserError
from ganc.losses.reconstruction import l2_loss
from ganc.types import AnyArray, Axes, Generator, Params


def _normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return 0.02 * jax.random.normal(key, shape)


@dataclass(frozen=True)
class Distil:
    """How features are distilled.

    Attributes:
        weight: of the sum of the distances; 0: nothing is distilled.
        distance: between two maps of features (b h w c), a scalar.
        initial: `(key, shape) ->` the adaptors' first weights; their biases begin at 0.
        match: which of the student's taps goes with which of the teacher's: those of equal names,
            the first with the first and so on, or as a mapping from student to teacher says.
        plain: names of what both give beside their taps, as wide in one as in the other, which is
            compared as it is: MUNIT's `style`.
    """

    weight: float = 0.01
    distance: Callable[[jax.Array, jax.Array], jax.Array] = l2_loss
    initial: Callable[[jax.Array, tuple[int, ...]], Any] = _normal
    match: Literal["name", "position"] | Mapping[str, str] = "name"
    plain: tuple[str, ...] = ()


def pair_taps(distil: Distil, student: Generator, teacher: Generator) -> dict[str, str]:
    """The tap of the teacher that goes with each of the student's; none where nothing is distilled.

    By position, of the longer list evenly spread taps are taken.

    Raises:
        UserError: something should be distilled, but no tap is shared, or a mapping names taps that
            are not there.
    """
    if not distil.weight:
        return {}
    ours, theirs = tuple(student.taps), tuple(teacher.taps)
    if distil.match == "name":
        pairs = {tap: tap for tap in ours if tap in theirs}
    elif distil.match == "position":
        count = min(len(ours), len(theirs))
        places = zip(
            evenly_spread(count, len(ours)), evenly_spread(count, len(theirs)), strict=True
        )
        pairs = {ours[i]: theirs[j] for i, j in places}
    else:
        pairs = dict(distil.match)
    strange = {*pairs} - {*ours} | {*pairs.values()} - {*theirs}
    if strange or not pairs:
        what = f"there is no tap {min(strange)}" if strange else "they share no tap by name"
        raise UserError(
            f"features cannot be distilled: {what}; the student has {_list(ours)}, the teacher "
            f'{_list(theirs)}. Pair them by position (match="position") or by a mapping, or take '
            "0 as the weight of the distillation"
        )
    return pairs


def _list(taps: tuple[str, ...]) -> str:
    return ", ".join(taps) or "none"


def init_adaptors(distil: Distil, key: jax.Array, student: Generator, teacher: Generator) -> Params:
    """1x1 convolutions from the student's full width to the teacher's, by the student's taps."""
    pairs, params = pair_taps(distil, student, teacher), {}
    if not pairs:
        return params
    for k, (ours, theirs) in zip(jax.random.split(key, len(pairs)), pairs.items(), strict=True):
        shape = (
            channels.count(student.taps[ours], student.widths),
            channels.count(teacher.taps[theirs], teacher.widths),
        )
        params[ours] = {"kernel": distil.initial(k, shape), "bias": jnp.zeros(shape[1])}
    return params


def adaptor_axes(distil: Distil, student: Generator, teacher: Generator) -> Axes:
    """The channel groups of the arrays of `init_adaptors`."""
    return {
        tap: {"kernel": (student.taps[tap], None), "bias": (None,)}
        for tap in pair_taps(distil, student, teacher)
    }


def distillation_loss(
    distil: Distil,
    pairs: Mapping[str, str],
    adaptors: Params,
    student: Mapping[str, AnyArray],
    teacher: Mapping[str, AnyArray],
) -> jax.Array:
    """$\\sum_t d(f_t(S_t), T_t)$ over pairs of taps, unweighted: adaptors $f_t$, distance $d$.

    To it come the distances of what is `plain`, without adaptors. A map of the student's of another
    height or width than the teacher's is resized to that first.

    Args:
        distil: has the distance.
        pairs: of `pair_taps`.
        adaptors: of `init_adaptors`, perhaps sliced.
        student: its taps (b h w c).
        teacher: its taps.

    Reference: Li et al. 2020 (arXiv 2003.08936), intermediate feature distillation; the adaptor
    maps the student, as in the released code.
    """
    plain = (
        distil.distance(jnp.asarray(student[name]), jnp.asarray(teacher[name]))
        for name in distil.plain
    )
    total = sum(plain, jnp.float32(0))
    for ours, theirs in pairs.items():
        x, target, f = student[ours], teacher[theirs], adaptors[ours]
        if x.shape[1:3] != target.shape[1:3]:
            shape = (x.shape[0], *target.shape[1:3], x.shape[3])
            x = jax.image.resize(x, shape, "linear", antialias=True)
        total += distil.distance(x @ f["kernel"] + f["bias"], jnp.asarray(target))
    return total
