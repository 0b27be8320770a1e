"""Distances between the pictures of two folders as sets, beside what real pictures score."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

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

    def of(self, n: int) -> "Subsets | None":
        """Themselves where the smaller set has `n` pictures; None: all at once."""
        return self if self.count and n >= self.size else None

    def __str__(self) -> str:
        return f"subsets{self.count}x{self.size},seed{self.seed}"


@dataclass(frozen=True, eq=False)
class Features:
    """A set of features with the names that a protocol needs.

    Attributes:
        name: of the set: `generated`, `real`.
        summary: its features.
        extractor: what took them.
    """

    name: str
    summary: Summary
    extractor: Extractor

    def statistics(self, sha256: str = "") -> Statistics:
        """Of all pictures."""
        return Statistics.of(self.summary.of_all(), self.extractor.protocol, sha256)

    def label(self, rows: np.ndarray | None = None) -> str:
        """The set with its count; of `rows`, where those are all that is looked at."""
        n = self.summary.n if rows is None else len(rows)
        return f"{self.name}{n}" + (f"of{self.summary.n}" if n < self.summary.n else "")


def frechet(a: Features, b: Features) -> tuple[str, Value]:
    """The Frechet distance of all pictures of `a` and `b`, with its floor."""
    if a.summary.moments is None and b.summary.moments is None:
        value = frechet_distance(a.summary.rows, b.summary.rows)
    else:
        value = a.statistics().distance(b.statistics())
    floor = _floor(a, b, a.extractor.distance, frechet_distance)
    name = _name(a, a.extractor.distance, a.label(), b.label())
    return name, Value(value, (a.summary.n, b.summary.n), floor=floor)


def frechet_to_statistics(a: Features, b: Statistics) -> tuple[str, Value]:
    """The Frechet distance of `a` to statistics of real pictures, which leave no floor.

    Raises:
        UserError: they are statistics of other features.
    """
    value = a.statistics().distance(b)
    right = f"real{b.n}" if b.n else "npz"
    return _name(a, a.extractor.distance, a.label(), right), Value(value, (a.summary.n, b.n))


def kernel(a: Features, b: Features, subsets: Subsets, bootstrap: Bootstrap) -> tuple[str, Value]:
    """The kernel distance of `a` and `b`, with its floor and its interval over pictures."""
    x, y = a.summary.rows, b.summary.rows
    used = subsets.of(min(len(x), len(y)))
    if used is None:
        settings, value = (), kernel_distance(x, y)
    else:
        settings = (str(used),)
        value = subset_distances(x, y, subsets=used.count, size=used.size, seed=used.seed).mean()
    thinned = f",at most {ROWS} pictures" if max(len(x), len(y)) > ROWS else ""
    return _name(a, "kid", a.label(x), b.label(y), *settings), Value(
        float(value),
        (len(x), len(y)),
        kernel_interval(x, y, bootstrap),
        f"{bootstrap}{thinned}",
        _floor(a, b, "kid", kernel_distance),
    )


def _name(a: Features, metric: str, left: str, right: str, *settings: str) -> str:
    return str(Protocol(metric, left, right, (a.extractor.protocol, *settings)))


def _floor(
    a: Features, b: Features, metric: str, distance: Callable[[np.ndarray, np.ndarray], float]
) -> dict[str, float]:
    """Generated against real, then real against real, on equal numbers of pictures."""
    return {
        _name(a, metric, left, right, HALVES): distance(x, y) for left, right, x, y in _equal(a, b)
    }


def _equal(a: Features, b: Features) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    x, y = a.summary.rows, b.summary.rows
    rng = np.random.default_rng(0)
    n = min(len(x), len(y) // 2)
    one, other = np.split(y[rng.permutation(len(y))[: 2 * n]], 2)
    fake = x[rng.permutation(len(x))[:n]]
    yield a.label(fake), b.label(one), fake, one
    yield b.label(one), b.label(other), one, other
