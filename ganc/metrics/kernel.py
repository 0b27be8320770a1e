"""The kernel distance between two sets of features (KID, on whatever features the caller names)."""

from typing import Any, TypeVar

import jax
import numpy as np
from numpy.typing import ArrayLike

_Array = TypeVar("_Array", np.ndarray, jax.Array)


def polynomial_mmd(x: _Array, y: _Array) -> _Array:
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

    Differs from the reference: all rows at once, in O((n + m)^2) memory; no average over subsets.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"expected shapes (n, d) and (m, d), n and m >= 2, got {x.shape, y.shape}")
    within = _mean_off_diagonal(_kernel(x, x)) + _mean_off_diagonal(_kernel(y, y))
    return within - 2 * _kernel(x, y).mean()


def kernel_distance(x: ArrayLike, y: ArrayLike) -> float:
    """`polynomial_mmd` of `x` (n d) and `y` (m d) on the host in float64: the number to report."""
    return float(polynomial_mmd(np.asarray(x, np.float64), np.asarray(y, np.float64)))


def _kernel(x: Any, y: Any) -> Any:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _mean_off_diagonal(square: Any) -> Any:
    n = len(square)
    return (square.sum() - square.trace()) / (n * (n - 1))
