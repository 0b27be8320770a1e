"""The pictures that a model makes of many."""

import jax
import numpy as np

from ganc.types import Model


def render(model: Model, pictures: np.ndarray, batch: int = 16) -> np.ndarray:
    """The model's pictures of `pictures` (n h w c), (n h w 3) in [-1, 1], `batch` in a call."""
    generator, params, _ = model
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    parts = []
    for start in range(0, len(pictures), batch):
        part = pictures[start : start + batch]
        filled = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
        parts.append(np.asarray(apply(params, filled))[: len(part)])
    return np.concatenate(parts)
