"""The pictures that a model makes of many."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import jax
import numpy as np
from flax.core import FrozenDict
from jaxtyping import Float

from ganc.batching import batches
from ganc.types import Generator, Model


@lru_cache(maxsize=64)
def compiled(generator: Generator) -> Callable[..., jax.Array]:
    """`draw(params, x, **inputs) -> pictures`, compiled once for all who ask, at their shapes."""
    return jax.jit(lambda params, x, **inputs: generator.apply(params, x, **inputs).image)


def render(
    model: Model,
    pictures: Float[np.ndarray, "n h w c"],
    batch: int | None = None,
    inputs: Mapping[str, np.ndarray] = FrozenDict(),
) -> Float[np.ndarray, "n _h _w 3"]:
    """The model's pictures of `pictures`, in [-1, 1], `batch` in a call.

    They may be of another size, of a network that enlarges.

    `inputs` are a family's own, of as many rows as there are pictures, such as MUNIT's `style`.
    By default a CPU takes one at a time, which is as fast there and is what latencies are measured
    with, so that one compilation does for both; other devices take 16.
    """
    draw = compiled(model.generator)
    size = batch or (1 if jax.default_backend() == "cpu" else 16)
    more = {name: (rows for rows, _ in batches(all_, size)) for name, all_ in inputs.items()}
    parts = []
    for part, count in batches(pictures, size):
        options = {name: next(rows) for name, rows in more.items()}
        parts.append(np.asarray(draw(model.params, part, **options))[:count])
    return np.concatenate(parts)
