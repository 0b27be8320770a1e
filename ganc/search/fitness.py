"""What a search minimises: functions from a candidate's pictures to a number."""

from collections.abc import Callable
from typing import Literal

import jax
import numpy as np

from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import kernel_distance

Fitness = Literal["kid", "fd", "l1"]
"""`kid`: kernel distance to real pictures, unbiased at any number of them. `fd`: Frechet distance.
`l1`: mean |student - teacher|, what a compressor promises when the truth is unknown."""

Score = Callable[[jax.Array], float]


def make_score(
    fitness: Fitness,
    *,
    extract: Callable[[np.ndarray], np.ndarray],
    real: np.ndarray,
    teacher: np.ndarray,
) -> Score:
    """`score(images) -> float`, lower better, for pictures (n h w 3) in [-1, 1].

    Args:
        fitness: which distance.
        extract: pictures -> features (n d).
        real: real pictures of the target domain, of the search split.
        teacher: the teacher's pictures of the same inputs as the candidate's.
    """
    if fitness == "l1":
        return lambda images: float(np.abs(np.asarray(images) - teacher).mean() / 2)
    distance = {"kid": kernel_distance, "fd": frechet_distance}[fitness]
    reference = extract(real)
    return lambda images: distance(extract(np.asarray(images)), reference)
