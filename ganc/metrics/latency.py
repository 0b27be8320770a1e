"""How long calls take, side by side."""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import jax
import numpy as np

Timed = Callable[[], float]
"""Does something once and returns how many seconds it took."""

Name = TypeVar("Name", bound=Hashable)


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timed:
    """`call` with its result waited for and its seconds taken, by `clock`."""

    def run() -> float:
        start = clock()
        jax.block_until_ready(call())
        return clock() - start

    return run


def take_turns(
    calls: Mapping[Name, Timed], *, warmup: int, repeats: int
) -> dict[Name, list[float]]:
    """The seconds of each call in each round; in a round every call has its turn.

    So a busy spell of the machine hits them all alike.

    Args:
        calls: name -> a call that knows its own seconds.
        warmup: rounds that are not counted, compilation among them.
        repeats: rounds that are.
    """
    rounds = [{name: call() for name, call in calls.items()} for _ in range(warmup + repeats)]
    return {name: [each[name] for each in rounds[warmup:]] for name in calls}


def latency(
    calls: Mapping[str, Callable[[], jax.Array]], *, warmup: int = 10, repeats: int = 100
) -> dict[str, dict[str, float]]:
    """The 50th and 95th percentile of the time of each call, in milliseconds, taken in turns.

    Args:
        calls: name -> a compiled call of batch 1; its result is waited for.
        warmup, repeats: see `take_turns`.

    Returns: name -> {"p50": ms, "p95": ms}.
    """
    turns = {name: timed(call) for name, call in calls.items()}
    seconds = take_turns(turns, warmup=warmup, repeats=repeats)
    return {
        name: {f"p{q}": float(1e3 * np.percentile(found, q)) for q in (50, 95)}
        for name, found in seconds.items()
    }
