"""How near pictures are to the true ones, pixel by pixel and structure by structure.

Every metric has a form that gives one value per picture, `..._each`, for intervals over pictures;
the plain form is its mean. Computed on the host in float64, one picture at a time.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

from ganc.errors import UserError

WINDOW = 11
"""px, height and width of SSIM's window: a picture must have as many."""

_SIGMA = 1.5

Pictures = Float[np.ndarray, "n h w c"]
Others = Float[np.ndarray, "_n _h _w _c"]


def l1(x: Pictures, y: Others) -> float:
    """The mean absolute difference of pictures `x` and `y` (n h w c) in [-1, 1].

    Returns: a number in [0, 1], in units of the full range of a channel.

    Raises:
        ValueError: the shapes differ, there is no picture, or a pixel is not finite.
    """
    return float(l1_each(x, y).mean())


def psnr(x: Pictures, y: Others) -> float:
    """The mean peak signal-to-noise ratio of pictures `x` and `y` (n h w c) in [-1, 1], in dB.

        10 log10(255^2 / mean squared difference), in levels of 0..255

    Equal pictures have no noise: theirs is infinite, and so is then the mean.

    Raises:
        ValueError: see `l1`.
    """
    return float(psnr_each(x, y).mean())


def ssim(x: Pictures, y: Others) -> float:
    """The mean structural similarity of pictures `x` and `y` (n h w c) in [-1, 1].

    Pictures are mapped to [0, 1]; Gaussian window of 11x11, sigma 1.5, k1 = 0.01, k2 = 0.03,
    variances over n, not n - 1; the window stays inside the picture; every channel alone, then the
    mean. scikit-image calls this `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.

    Returns: a number in [-1, 1], 1 for equal pictures.

    Raises:
        ValueError: see `l1`; or the pictures are smaller than the window.

    Reference: Wang et al. 2004 (doi 10.1109/TIP.2003.819861), equation 13.
    """
    return float(ssim_each(x, y).mean())


def l1_each(x: Pictures, y: Others) -> Float[np.ndarray, " n"]:
    """`l1` of every picture, (n) float64."""
    return _each(lambda a, b: np.abs(a - b).mean() / 2, x, y)


def psnr_each(x: Pictures, y: Others) -> Float[np.ndarray, " n"]:
    """`psnr` of every picture, (n) float64, infinite for equal pictures."""
    squares = _each(lambda a, b: np.square(a - b).mean() / 4, x, y)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(squares)


def ssim_each(x: Pictures, y: Others) -> Float[np.ndarray, " n"]:
    """`ssim` of every picture, (n) float64."""
    if min(np.shape(x)[1:3], default=WINDOW) < WINDOW:
        raise UserError(f"SSIM needs pictures of {WINDOW}x{WINDOW} or more, got {x.shape[1:3]}")
    return _each(_ssim, x, y)


def _ssim(x: np.ndarray, y: np.ndarray) -> float:
    x, y = (x + 1) / 2, (y + 1) / 2
    c1, c2 = 0.01**2, 0.03**2
    mean_x, mean_y = _smooth(x), _smooth(y)
    product = mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    covariance = _smooth(x * y) - product
    variances = _smooth(x * x + y * y) - squares
    return float(
        np.mean((2 * product + c1) * (2 * covariance + c2) / (squares + c1) / (variances + c2))
    )


def _smooth(x: np.ndarray) -> np.ndarray:
    weights = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / _SIGMA) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        x = np.einsum("...k,k", sliding_window_view(x, WINDOW, axis), weights)
    return x


def _each(
    metric: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    # Picture by picture, so that nothing of the size of the set is allocated.
    if x.shape != y.shape or x.ndim != 4 or len(x) == 0:
        raise ValueError(f"expected two equal shapes (n, h, w, c), got {x.shape} and {y.shape}")
    values = []
    for i, pair in enumerate(zip(x, y, strict=True)):
        a, b = (np.asarray(picture, np.float64) for picture in pair)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise UserError(f"picture {i} holds pixels that are not finite")
        values.append(metric(a, b))
    return np.array(values)
