"""The Frechet distance between two sets of features, each taken for a Gaussian."""

import numpy as np
from numpy.typing import ArrayLike


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    """The squared 2-Wasserstein distance between Gaussians fitted to `x` and `y`.

        |mu_x - mu_y|^2 + tr Sx + tr Sy - 2 tr (Sx Sy)^(1/2)

    With centred rows Xc and Yc, the last trace is the sum of the singular values of Xc Yc^T over
    sqrt((n - 1) (m - 1)): no matrix square root, and no ridge where a covariance is singular.
    Computed on the host in float64.

    Its bias does not vanish when the sets have fewer rows than `d`: two halves of one set are then
    far from 0. Compare numbers of equal n and m alone, beside that of real against real.

    Args:
        x: features (n d), n >= 2.
        y: features (m d), m >= 2.

    Returns:
        The distance, in squared units of the features; 0 up to rounding for equal moments.

    Raises:
        ValueError: the shapes do not fit, or a feature is not finite.

    Reference: Heusel et al. 2017 (arXiv 1706.08500), equation 6.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"expected shapes (n, d) and (m, d), n and m >= 2, got {x.shape, y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("the features hold values that are not finite")
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    factor_x, factor_y = _factor(x - mean_x), _factor(y - mean_y)
    cross = np.linalg.svd(factor_x @ factor_y.T, compute_uv=False).sum()
    spread = np.sum(factor_x**2) + np.sum(factor_y**2)
    return float(np.sum((mean_x - mean_y) ** 2) + spread - 2 * cross)


def _factor(centred: np.ndarray) -> np.ndarray:
    # F with F^T F = the covariance. The triangular factor of a tall matrix has the same product,
    # so that no matrix below is larger than d x d.
    scaled = centred / np.sqrt(len(centred) - 1)
    return np.asarray(np.linalg.qr(scaled, mode="r")) if len(scaled) > scaled.shape[1] else scaled
