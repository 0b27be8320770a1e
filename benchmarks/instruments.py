"""What benchmarks are made of: rows, clocks, random weights, and the product of a floor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganc.metrics.latency import Timed, take_turns, timed
from ganc.types import Params


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


def medians(calls: Mapping[Any, Timed], repeats: int) -> dict[Any, float]:
    """Median seconds of each; they take turns, after a round that is not counted."""
    seconds = take_turns(calls, warmup=1, repeats=repeats)
    return {name: float(np.median(found)) for name, found in seconds.items()}


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
