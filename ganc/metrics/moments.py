"""Count, mean and scatter of rows that come in parts; parts merge without the rows."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ganc.types import AnyArray

_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Moments:
    """The first two moments of a set of rows, in float64.

    Attributes:
        n: rows.
        mean: (d).
        scatter: sum (x - mean) (x - mean)^T, (d d).
    """

    n: int
    mean: Float[np.ndarray, " d"]
    scatter: Float[np.ndarray, "d d"]

    @classmethod
    def from_rows(cls, rows: Float[AnyArray, "..."]) -> "Moments":
        """The moments of rows (n d), n >= 1.

        Raises:
            ValueError: the shape does not fit, or a value is not finite.
        """
        rows = np.asarray(rows, np.float64)
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"expected rows of shape (n, d), n >= 1, got {rows.shape}")
        if not np.isfinite(rows).all():
            raise ValueError("the features hold values that are not finite")
        mean = rows.mean(axis=0)
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred)

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both sets together: of parts, batches, devices or machines.

            S = S1 + S2 + n1 n2 / (n1 + n2) (m2 - m1) (m2 - m1)^T

        Exact but for rounding, since no sum of squares is ever taken about anything but a mean.

        Reference: Chan, Golub and LeVeque 1983 (doi 10.1080/00031305.1983.10483115).
        """
        n = self.n + other.n
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter + (self.n * other.n / n) * np.outer(step, step)
        return Moments(n, self.mean + step * (other.n / n), scatter)

    @property
    def covariance(self) -> Float[np.ndarray, "d d"]:
        """The unbiased covariance (d d).

        Raises:
            ValueError: there is but one row.
        """
        if self.n < 2:
            raise ValueError("a covariance needs two rows or more")
        return self.scatter / (self.n - 1)


def stream(parts: Iterable[Float[np.ndarray, "_n d"]]) -> Moments:
    """The moments of all rows of `parts`, arrays (n d), in the memory of a thousand rows.

    Raises:
        ValueError: there is no row, or a value is not finite.
    """
    total: Moments | None = None
    waiting: list[np.ndarray] = []

    def flush() -> Moments:
        # Merging costs d^2, so that small batches are gathered first.
        found = Moments.from_rows(np.concatenate(waiting))
        waiting.clear()
        return found if total is None else total + found

    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= _ROWS:
            total = flush()
    if sum(map(len, waiting)):
        total = flush()
    if total is None:
        raise ValueError("there are no rows")
    return total
