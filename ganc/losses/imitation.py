"""What makes a student's picture like a teacher's, without a discriminator and without a truth."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Float

from ganc.losses.perceptual import ssim, style_loss, total_variation
from ganc.losses.reconstruction import l1_loss
from ganc.types import AnyArray

Pictures = Float[AnyArray, "b h w 3"]

Features = Callable[[Any], tuple[Sequence[Any], Any]]
"""Pictures (b h w 3) in [-1, 1] -> the features (b h' w' c) whose styles are compared, and those
that are compared place by place."""


@dataclass(frozen=True)
class Imitation:
    """The weights of `imitation_terms`; the defaults are those of every published run."""

    ssim: float = 10.0
    """of 1 - SSIM to a teacher's picture"""
    style: float = 1e4
    """of the distance between Gram matrices of features"""
    features: float = 10.0
    """of the mean difference of features"""
    variation: float = 1e-5
    """of the total variation of the student's picture"""
    range: Literal["published", "unit"] = "published"
    """what SSIM sees: pictures in [-1, 1], as published, or in [0, 1], as its constants expect"""
    total: Literal["batch", "picture"] = "batch"
    """the variation is the sum over a batch, as published, or its mean over the pictures"""


def imitation_terms(
    imitation: Imitation, features: Features, student: Pictures, teachers: Sequence[Pictures]
) -> dict[str, jax.Array]:
    """Weighted terms of a student's pictures beside those of its teachers, (b h w 3) in [-1, 1].

    $w_1 (1 - SSIM(S, T)) + w_2 \\sum_k |G(\\phi_k(S)) - G(\\phi_k(T))|
    + w_3 |\\phi_f(S) - \\phi_f(T)| + w_4 TV(S)$, summed over the teachers T: the variation, which
    knows no teacher, counts once for each. What has no weight is not computed.

    Args:
        imitation: the weights.
        features: $\\phi$.
        student: S.
        teachers: the T; no gradient flows into them.

    Reference: Ren et al. 2021 (arXiv 2108.06908), the objective of its discriminator-free student.
    """
    w, teachers, terms = imitation, jax.lax.stop_gradient(list(teachers)), {}

    def total(distance: Callable[..., jax.Array], x: Any, others: Iterable[Any]) -> jax.Array:
        return sum((distance(x, y) for y in others), jnp.float32(0))

    if w.ssim:
        see = (lambda x: x) if w.range == "published" else (lambda x: (x + 1) / 2)
        similar = total(ssim, see(student), map(see, teachers))
        terms["ssim"] = w.ssim * (len(teachers) - similar)
    if w.style or w.features:
        styles, content = features(student)
        theirs = [features(teacher) for teacher in teachers]
        if w.style:
            terms["style"] = w.style * total(style_loss, styles, (maps for maps, _ in theirs))
        if w.features:
            terms["features"] = w.features * total(l1_loss, content, (one for _, one in theirs))
    if w.variation:
        count = len(student) if w.total == "picture" else 1
        terms["variation"] = len(teachers) * w.variation * total_variation(student) / count
    return terms
