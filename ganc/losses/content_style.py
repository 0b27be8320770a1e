"""How far a student's pictures are from its teacher's, in what they show and in their texture.

Reference: Wang et al. 2020 (arXiv 2008.11062), released code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganc.losses.imitation import Features, Pictures
from ganc.losses.perceptual import gram
from ganc.losses.reconstruction import l1_loss
from ganc.types import AnyArray


@dataclass(frozen=True)
class ContentStyle:
    """What is compared; the defaults are the published ones."""

    kind: Literal["features", "mse"] = "features"
    """features of a frozen network, or the pictures themselves by their mean square"""
    style: float = 1e5
    """of features: the weight of their Gram matrices relative to the features themselves"""


def content_style(
    what: ContentStyle, features: Features, student: Pictures, teacher: Pictures
) -> dict[str, jax.Array]:
    """The terms of the distance of pictures (b h w 3) in [-1, 1] to the teacher's.

    $|\\phi_1(S) - \\phi_1(T)| + w \\sum_k \\mathrm{mean}\\,(G(\\phi_k(S)) - G(\\phi_k(T)))^2$.

    Args:
        what: the weights.
        features: $\\phi$; no gradient flows into the teacher's.
        student: S.
        teacher: T.
    """
    teacher = jax.lax.stop_gradient(teacher)
    if what.kind == "mse":
        return {"mse": jnp.mean(jnp.square(student - teacher))}
    (ours, content), (theirs, wanted) = features(student), features(teacher)
    return {
        "content": l1_loss(content, wanted),
        "style": what.style * squared_style_loss(ours, theirs),
    }


def squared_style_loss(
    x: Sequence[Float[AnyArray, "..."]], y: Sequence[Float[AnyArray, "..."]]
) -> Float[Array, ""]:
    """$\\sum_k \\mathrm{mean}\\,(G(x_k) - G(y_k))^2$ of the Gram matrices of features (b h w c)."""
    terms = [
        jnp.mean(jnp.square(gram(ours) - gram(theirs))) for ours, theirs in zip(x, y, strict=True)
    ]
    return jnp.sum(jnp.stack(terms))
