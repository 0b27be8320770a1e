"""The Frechet distance between two sets of features, each taken for a Gaussian."""

import numpy as np
from jaxtyping import Float

from ganc.metrics.moments import Moments
from ganc.types import AnyArray


def frechet_distance(x: Float[AnyArray, "n d"], y: Float[AnyArray, "m _d"]) -> float:
    """The squared 2-Wasserstein distance between Gaussians fitted to `x` and `y`.

        |mu_x - mu_y|^2 + tr Sx + tr Sy - 2 tr (Sx Sy)^(1/2)

    With fewer rows than features on either side the last trace is the sum of the singular values of
    Xc Yc^T over sqrt((n - 1) (m - 1)), where Xc and Yc are the centred rows: no matrix square root,
    and no ridge where a covariance is singular. Otherwise it is that of `gaussian_distance`.
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
    if min(len(x), len(y)) >= x.shape[1]:
        p, q = Moments.from_rows(x), Moments.from_rows(y)
        return gaussian_distance(p.mean, p.covariance, q.mean, q.covariance)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    factor_x, factor_y = _factor(x - mean_x), _factor(y - mean_y)
    cross = np.linalg.svd(factor_x @ factor_y.T, compute_uv=False).sum()
    spread = np.sum(factor_x**2) + np.sum(factor_y**2)
    return float(np.sum((mean_x - mean_y) ** 2) + spread - 2 * cross)


def gaussian_distance(
    mu_x: Float[AnyArray, " d"],
    sigma_x: Float[AnyArray, "_d _d"],
    mu_y: Float[AnyArray, " _d"],
    sigma_y: Float[AnyArray, "_d _d"],
) -> float:
    """`frechet_distance` from means (d) and covariances (d d).

    tr (Sx Sy)^(1/2) = tr (R^T Sy R)^(1/2) with Sx = R R^T, by the eigenvalues of that symmetric
    matrix; those that are rounding are left out, so that singular covariances do no harm.

    Raises:
        ValueError: the shapes do not fit, or a value is not finite.
    """
    mu_x, mu_y, sigma_x, sigma_y = (
        np.asarray(z, np.float64) for z in (mu_x, mu_y, sigma_x, sigma_y)
    )
    shape = (mu_x.size, mu_x.size)
    if mu_x.ndim != 1 or mu_y.shape != mu_x.shape or {sigma_x.shape, sigma_y.shape} != {shape}:
        shapes = mu_x.shape, sigma_x.shape, mu_y.shape, sigma_y.shape
        raise ValueError(f"expected two means (d) and covariances (d, d) of one d, got {shapes}")
    if not all(np.isfinite(z).all() for z in (mu_x, mu_y, sigma_x, sigma_y)):
        raise ValueError("the statistics hold values that are not finite")
    root = _root(sigma_x)
    inner = np.linalg.eigvalsh(root.T @ sigma_y @ root)
    cross = np.sqrt(inner[inner > _rounding(inner)]).sum()
    spread = np.trace(sigma_x) + np.trace(sigma_y)
    return float(np.sum((mu_x - mu_y) ** 2) + spread - 2 * cross)


def _root(sigma: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(sigma)  # a tenth of the time of the eigenvectors
    except np.linalg.LinAlgError:  # singular
        values, vectors = np.linalg.eigh(sigma)
        kept = values > _rounding(values)
        return vectors[:, kept] * np.sqrt(values[kept])


def _rounding(values: np.ndarray) -> float:
    # Below it an eigenvalue is noise, and there are many: their roots would add up.
    return len(values) * np.finfo(np.float64).eps * np.abs(values).max(initial=0)


def _factor(centred: np.ndarray) -> np.ndarray:
    # F with F^T F = the covariance. The triangular factor of a tall matrix has the same product,
    # so that no matrix below is larger than d x d.
    scaled = centred / np.sqrt(len(centred) - 1)
    return np.asarray(np.linalg.qr(scaled, mode="r")) if len(scaled) > scaled.shape[1] else scaled
