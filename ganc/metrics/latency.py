"""How long one picture takes."""

import time
from collections.abc import Callable, Mapping

import jax
import numpy as np


def latency(
    calls: Mapping[str, Callable[[], jax.Array]], *, warmup: int = 10, repeats: int = 100
) -> dict[str, dict[str, float]]:
    """The 50th and 95th percentile of the time of each call, in milliseconds.

    The calls take turns, so that a busy spell of the machine hits them all alike.

    Args:
        calls: name -> a compiled call of batch 1; its result is waited for.
        warmup: rounds that are not counted, compilation among them.
        repeats: rounds that are.

    Returns: name -> {"p50": ms, "p95": ms}.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(warmup + repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            jax.block_until_ready(call())
            if round_ >= warmup:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {
        name: {"p50": float(np.percentile(t, 50)), "p95": float(np.percentile(t, 95))}
        for name, t in times.items()
    }
