"""The kernel distance between two sets of features (KID, on whatever features the caller names)."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ganc.batching import evenly_spread
from ganc.metrics.bootstrap import Bootstrap, Interval
from ganc.types import AnyArray

ROWS = 2000
"""The most rows of a set that a bootstrap looks at: its kernel matrices grow with their square."""


def polynomial_mmd(x: Float[AnyArray, "n d"], y: Float[AnyArray, "m _d"]) -> Any:
    """The unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3.

        sum_{i != j} k(x_i, x_j) / (n (n - 1)) + sum_{i != j} k(y_i, y_j) / (m (m - 1))
            - 2 sum_{i, j} k(x_i, y_j) / (n m)

    It works on NumPy and on JAX arrays, in their own precision, and under `jit`, `grad` and `vmap`.

    Args:
        x: features (n d), n >= 2.
        y: features (m d), m >= 2.

    Returns:
        A scalar array. Its expectation is 0 for equal distributions, so it may be negative.

    Raises:
        ValueError: the shapes do not fit.

    Reference: Binkowski et al. 2018 (arXiv 1801.01401), section 4, with the estimator of Gretton et
    al. 2012 (JMLR 13), equation 3.

    Differs from the reference: all rows at once, in O((n + m)^2) memory; `subset_distances` has
    the average over subsets.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"expected shapes (n, d) and (m, d), n and m >= 2, got {x.shape, y.shape}")
    within = _mean_off_diagonal(_kernel(x, x)) + _mean_off_diagonal(_kernel(y, y))
    return within - 2 * _kernel(x, y).mean()


def kernel_distance(x: Float[AnyArray, "n d"], y: Float[AnyArray, "m _d"]) -> float:
    """`polynomial_mmd` of `x` (n d) and `y` (m d) on the host in float64: the number to report.

    Raises:
        ValueError: the shapes do not fit, or a feature is not finite.
    """
    return float(polynomial_mmd(_finite(x), _finite(y)))


def subset_distances(
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, "m d"],
    *,
    subsets: int = 100,
    size: int = 1000,
    seed: int = 0,
) -> Float[np.ndarray, " {subsets}"]:
    """`kernel_distance` of random subsets, the mean of which is the KID of the publications.

    Args:
        x: features (n d), n >= size.
        y: features (m d), m >= size.
        subsets: how many pairs of subsets are drawn.
        size: rows of a subset, drawn without replacement.
        seed: of the draws.

    Returns: (subsets) float64.

    Raises:
        ValueError: a set has fewer rows than a subset, or a feature is not finite.

    Reference: Binkowski et al. 2018 (arXiv 1801.01401), section 4; 100 subsets of 1,000 is what
    its published numbers, and the common tools, take.
    """
    x, y = _finite(x), _finite(y)
    if min(len(x), len(y)) < size:
        raise ValueError(f"subsets of {size} need as many rows, got {len(x)} and {len(y)}")
    rng = np.random.default_rng(seed)
    draws = [[rng.choice(len(z), size, replace=False) for z in (x, y)] for _ in range(subsets)]
    return np.array([polynomial_mmd(x[i], y[j]) for i, j in draws])


def kernel_interval(
    x: Float[AnyArray, "n d"], y: Float[AnyArray, "m d"], bootstrap: Bootstrap
) -> Interval:
    """The bootstrap interval of `kernel_distance` over the rows of both sets.

    A row that was drawn twice is never paired with itself, so that the resampled estimates stay
    unbiased up to 1 / n. Of a larger set `ROWS` evenly spread rows are looked at, which makes the
    interval too wide, never too narrow.
    """
    x, y = (_thinned(np.asarray(z, np.float64)) for z in (x, y))
    within_x, within_y, across = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    np.fill_diagonal(within_x, 0)
    np.fill_diagonal(within_y, 0)
    draws = list(bootstrap.draws(len(x), len(y)))
    times_x, times_y = (
        np.stack([np.bincount(draw[side], minlength=len(z)) for draw in draws]).astype(np.float64)
        for side, z in enumerate((x, y))
    )

    def mean_within(times: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        pairs = times.sum(axis=1) ** 2 - (times**2).sum(axis=1)
        return ((times @ kernel) * times).sum(axis=1) / np.maximum(pairs, 1)

    between = ((times_x @ across) * times_y).sum(axis=1) / (len(x) * len(y))
    within = mean_within(times_x, within_x) + mean_within(times_y, within_y)
    return bootstrap.interval(within - 2 * between)


def _finite(rows: AnyArray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("the features hold values that are not finite")
    return rows


def _thinned(rows: np.ndarray) -> np.ndarray:
    if len(rows) <= ROWS:
        return rows
    return rows[evenly_spread(ROWS, len(rows))]


def _kernel(x: Any, y: Any) -> Any:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _mean_off_diagonal(square: Any) -> Any:
    n = len(square)
    return (square.sum() - square.trace()) / (n * (n - 1))
