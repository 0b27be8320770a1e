"""The pictures that a model makes of many."""

import jax
import numpy as np
from jaxtyping import Float

from ganc.batching import batches
from ganc.types import Model


def render(
    model: Model, pictures: Float[np.ndarray, "n h w c"], batch: int = 16
) -> Float[np.ndarray, "n h w 3"]:
    """The model's pictures of `pictures`, in [-1, 1], `batch` in a call."""
    generator, params, _ = model
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    parts = []
    for part, count in batches(pictures, batch):
        parts.append(np.asarray(apply(params, part))[:count])
    return np.concatenate(parts)
