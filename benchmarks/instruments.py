"""What benchmarks are made of: rows, clocks, random weights, and the product of a floor."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganc.types import Params

Timed = Callable[[], float]
"""Does something once and returns how many seconds it took."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        unit: `ms` (less is better), `.../s` (more is better), `traces`, or `times`, a comparison.
        measured: None where it could not be, for the reason that `note` gives.
        floor: what `measured` would be at the speed of a matrix product; for traces, the classes.
        aim: for a comparison, the least or most that is wanted: ">= 3".
        note: what the reader should know.
    """

    name: str
    unit: str
    measured: float | None
    floor: float | None = None
    aim: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times worse than the floor."""
        if self.measured is None or self.floor is None:
            return None
        worse = self.floor / self.measured if self.unit.endswith("/s") else self.measured
        return worse if self.unit.endswith("/s") else worse / self.floor


def timed(call: Callable[[], object]) -> Timed:
    """`call` with its result waited for and its seconds taken."""

    def run() -> float:
        start = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - start

    return run


def take_turns(calls: Mapping[Any, Timed], repeats: int) -> dict[Any, float]:
    """Median seconds of each; they take turns, after a round that is not counted."""
    rounds = [{name: call() for name, call in calls.items()} for _ in range(repeats + 1)]
    return {name: float(np.median([r[name] for r in rounds[1:]])) for name in calls}


def random_params(init: Callable[[jax.Array], Params]) -> Params:
    """Parameters as `init` would make them, without compiling it: N(0, 0.02) everywhere."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(init, jax.random.key(0))
    return jax.tree.map(lambda s: jnp.asarray(0.02 * rng.normal(size=s.shape), s.dtype), shapes)


def make_product(size: int) -> Timed:
    """The matrix product that floors are made of: `size`^3 multiply-adds."""
    a = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)), jnp.float32)
    product = jax.jit(jnp.matmul)
    return timed(lambda: product(a, a))
