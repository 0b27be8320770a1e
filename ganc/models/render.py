"""The pictures that a model makes of many."""

import jax
import numpy as np

from ganc.batching import batches
from ganc.types import Model


def render(model: Model, pictures: np.ndarray, batch: int = 16) -> np.ndarray:
    """The model's pictures of `pictures` (n h w c), (n h w 3) in [-1, 1], `batch` in a call."""
    generator, params, _ = model
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    parts = []
    for part, count in batches(pictures, batch):
        parts.append(np.asarray(apply(params, part))[:count])
    return np.concatenate(parts)
