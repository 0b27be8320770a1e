"""How long models take for one picture, side by side."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ganc.metrics.latency import latency
from ganc.types import Model


def latencies(
    models: Mapping[str, Model], shape: tuple[int, ...], repeats: int = 50
) -> dict[str, dict[str, float]]:
    """The 50th and 95th percentile of the time that each model takes for one picture, in ms.

    Args:
        models: name -> model; they take turns.
        shape: (h, w) or (h, w, c) of the picture, px.
        repeats: rounds that are counted.

    Returns: name -> {"p50": ms, "p95": ms}.
    """
    height, width = shape[:2]
    calls = {}
    for name, (generator, params, _) in models.items():
        x = jnp.zeros((1, height, width, generator.channels_in))
        compiled = jax.jit(lambda p, x, g=generator: g.apply(p, x).image)
        calls[name] = lambda f=compiled, p=params, x=x: f(p, x)
    return latency(calls, repeats=repeats)
