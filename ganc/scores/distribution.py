"""Distances between two sets of pictures as a whole, beside what real pictures score."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ganc.errors import UserError
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import ROWS, kernel_distance, kernel_interval, subset_distances
from ganc.metrics.protocol import Protocol, Value
from ganc.metrics.statistics import Statistics
from ganc.scores.extractor import Extractor
from ganc.scores.summary import Summary

HALVES = "halves,seed0"
"""In a protocol: of the real pictures, one of two halves drawn at random."""

Rows = Float[np.ndarray, "n d"]


@dataclass(frozen=True)
class Subsets:
    """How a kernel distance is averaged; the defaults are the published protocol.

    Attributes:
        count: how many pairs of subsets. 0 for one distance between all pictures.
        size: pictures of each. Sets with fewer are compared whole.
        seed: of the draws.
    """

    count: int = 100
    size: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 0 or self.size < 2 or self.seed < 0:
            raise UserError(
                "subsets are 0 or more, of two pictures or more, with a seed of 0 or more, got "
                f"{self.count}, {self.size} and {self.seed}"
            )

    def fit(self, n: int) -> bool:
        """Whether subsets are drawn where the smaller set has `n` pictures."""
        return self.count > 0 and n >= self.size

    def __str__(self) -> str:
        return f"subsets{self.count}x{self.size},seed{self.seed}"


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """The features of a set of pictures, with the names that a protocol needs.

    Attributes:
        name: of the set: `generated`, `real`.
        summary: its features.
        extractor: what took them.
        settings: what the protocol says of the pictures behind the extractor: `last`.
    """

    name: str
    summary: Summary
    extractor: Extractor
    settings: tuple[str, ...] = ()

    def statistics(self, sha256: str = "") -> Statistics:
        """The statistics of all pictures of the set."""
        return Statistics.from_moments(self.summary.all_moments(), self.extractor.protocol, sha256)

    def label(self, rows: Rows | None = None) -> str:
        """The set with its count; of `rows`, where those are all that is looked at."""
        n = self.summary.n if rows is None else len(rows)
        return f"{self.name}{n}" + (f"of{self.summary.n}" if n < self.summary.n else "")


def kernel(
    a: FeatureSet, b: FeatureSet, subsets: Subsets, bootstrap: Bootstrap, *, floors: bool = True
) -> tuple[str, Value]:
    """The kernel distance of `a` and `b` with its interval and, where it is wanted, its floor."""
    x, y = a.summary.rows, b.summary.rows
    if subsets.fit(min(len(x), len(y))):
        settings = (str(subsets),)
        drawn = subset_distances(x, y, subsets=subsets.count, size=subsets.size, seed=subsets.seed)
        value = float(drawn.mean())
    else:
        settings, value = (), kernel_distance(x, y)
    thinned = f",at most {ROWS} pictures" if max(len(x), len(y)) > ROWS else ""
    return _protocol(a, "kid", a.label(x), b.label(y), *settings), Value(
        value,
        kernel_interval(x, y, bootstrap),
        f"{bootstrap}{thinned}",
        _floor(a, b, "kid", kernel_distance) if floors else None,
    )


def frechet(a: FeatureSet, b: FeatureSet, *, floors: bool = True) -> tuple[str, Value]:
    """The Frechet distance of `a` and `b`, of all pictures, with a floor where it is wanted."""
    metric = a.extractor.distance
    if a.summary.moments is None and b.summary.moments is None:
        value = frechet_distance(a.summary.rows, b.summary.rows)
    else:
        value = a.statistics().distance(b.statistics())
    floor = _floor(a, b, metric, frechet_distance) if floors else None
    return _protocol(a, metric, a.label(), b.label()), Value(value, floor=floor)


def frechet_to_statistics(a: FeatureSet, b: Statistics) -> tuple[str, Value]:
    """The Frechet distance of `a` to statistics of real pictures, which leave no floor.

    Raises:
        UserError: they are statistics of other features.
    """
    value = a.statistics().distance(b)
    right = f"real{b.n}" if b.n else "npz"
    return _protocol(a, a.extractor.distance, a.label(), right), Value(value)


def _protocol(a: FeatureSet, metric: str, left: str, right: str, *settings: str) -> str:
    return str(Protocol(metric, left, right, (a.extractor.protocol, *a.settings, *settings)))


def _floor(
    a: FeatureSet, b: FeatureSet, metric: str, distance: Callable[[Rows, Rows], float]
) -> dict[str, float]:
    return {
        _protocol(a, metric, left, right, HALVES): distance(x, y)
        for left, right, x, y in _equal_numbers(a, b)
    }


def _equal_numbers(a: FeatureSet, b: FeatureSet) -> Iterator[tuple[str, str, Rows, Rows]]:
    # `a` against one half of `b`, then the halves against one another.
    x, y = a.summary.rows, b.summary.rows
    rng = np.random.default_rng(0)
    n = min(len(x), len(y) // 2)
    one, other = np.split(y[rng.permutation(len(y))[: 2 * n]], 2)
    fake = x[rng.permutation(len(x))[:n]]
    yield a.label(fake), b.label(one), fake, one
    yield b.label(one), b.label(other), one, other
