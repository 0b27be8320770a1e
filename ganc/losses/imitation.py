"""What makes a student's picture like a teacher's, without a discriminator and without a truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
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
    imitation: Imitation, features: Features, student: Pictures, teacher: Pictures
) -> dict[str, jax.Array]:
    """Weighted terms of a student's pictures beside one teacher's, both (b h w 3) in [-1, 1].

    $w_1 (1 - SSIM(S, T)) + w_2 \\sum_k |G(\\phi_k(S)) - G(\\phi_k(T))|
    + w_3 |\\phi_f(S) - \\phi_f(T)| + w_4 TV(S)$. What has no weight is not computed. With several
    teachers the terms of each are added, so the variation, which knows no teacher, counts once for
    each.

    Args:
        imitation: the weights.
        features: $\\phi$.
        student: S.
        teacher: T; no gradient flows into it.

    Reference: Ren et al. 2021 (arXiv 2108.06908), the objective of its discriminator-free student.
    """
    w, teacher, terms = imitation, jax.lax.stop_gradient(teacher), {}
    if w.ssim:
        pair = (student, teacher)
        x, y = pair if w.range == "published" else ((picture + 1) / 2 for picture in pair)
        terms["ssim"] = w.ssim * (1 - ssim(x, y))
    if w.style or w.features:
        styles, content = features(student)
        their_styles, their_content = features(teacher)
        if w.style:
            terms["style"] = w.style * style_loss(styles, their_styles)
        if w.features:
            terms["features"] = w.features * l1_loss(content, their_content)
    if w.variation:
        count = len(student) if w.total == "picture" else 1
        terms["variation"] = w.variation * total_variation(student) / count
    return terms
