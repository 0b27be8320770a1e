"""The pictures that a model makes of many."""

from collections.abc import Callable
from functools import lru_cache

import jax
import numpy as np
from jaxtyping import Float

from ganc.batching import batches
from ganc.types import AnyArray, Generator, Model, Params


@lru_cache(maxsize=64)
def compiled(generator: Generator) -> Callable[[Params, AnyArray], jax.Array]:
    """`draw(params, x) -> pictures`, compiled once for all who ask, at the shapes of both."""
    return jax.jit(lambda params, x: generator.apply(params, x).image)


def render(
    model: Model, pictures: Float[np.ndarray, "n h w c"], batch: int | None = None
) -> Float[np.ndarray, "n h w 3"]:
    """The model's pictures of `pictures`, in [-1, 1], `batch` in a call.

    By default a CPU takes one at a time, which is as fast there and is what latencies are measured
    with, so that one compilation does for both; other devices take 16.
    """
    draw = compiled(model.generator)
    size = batch or (1 if jax.default_backend() == "cpu" else 16)
    parts = [np.asarray(draw(model.params, part))[:n] for part, n in batches(pictures, size)]
    return np.concatenate(parts)
