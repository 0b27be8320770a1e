"""Bootstrap intervals: how far a mean over pictures would move with other pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from ganc.errors import UserError

Interval = tuple[float, float]
"""The lower and the upper end."""


@dataclass(frozen=True)
class Bootstrap:
    """The percentile bootstrap: draw n of n with replacement, many times over.

    Attributes:
        resamples: how many times.
        seed: of the draws.
        level: of the interval, in (0, 1).

    Reference: Efron 1979 (doi 10.1214/aos/1176344552).
    """

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.resamples < 2 or not 0 < self.level < 1 or self.seed < 0:
            raise UserError(
                "a bootstrap takes two resamples or more, a seed of 0 or more and a level in "
                f"(0, 1), got {self.resamples}, {self.seed} and {self.level}"
            )

    def __str__(self) -> str:
        return f"bootstrap{100 * self.level:g}x{self.resamples},seed{self.seed}"

    def draws(self, *sizes: int) -> Iterator[tuple[Int[np.ndarray, " _n"], ...]]:
        """For each resample, an array of drawn places for every set of the given size."""
        rng = np.random.default_rng(self.seed)
        for _ in range(self.resamples):
            yield tuple(rng.integers(n, size=n) for n in sizes)

    def interval(self, resampled: ArrayLike) -> Interval:
        """The interval between the percentiles of an estimate's resampled values."""
        tail = 50 * (1 - self.level)
        low, high = np.percentile(np.asarray(resampled, np.float64), [tail, 100 - tail])
        return float(low), float(high)

    def mean_interval(self, values: ArrayLike) -> Interval | None:
        """The interval of the mean of `values` (n), one per picture.

        Returns: None where there is no interval: fewer than two values, or one not finite.
        """
        values = np.asarray(values, np.float64)
        if len(values) < 2 or not np.isfinite(values).all():
            return None
        return self.interval([values[places].mean() for (places,) in self.draws(len(values))])
