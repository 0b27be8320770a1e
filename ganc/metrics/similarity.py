"""How near pictures are to the true ones, pixel by pixel and structure by structure."""

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np

from ganc.types import Image

_BATCH = 16
_WINDOW = 11


def l1(x: np.ndarray, y: np.ndarray) -> float:
    """The mean absolute difference of pictures `x` and `y` (n h w c) in [-1, 1].

    Returns: a number in [0, 1], in units of the full range of a channel.
    """
    _check(x, y)
    # Picture by picture, so that nothing of the size of the set is allocated.
    return float(np.mean([np.abs(a - b).mean(dtype=np.float64) for a, b in _pairs(x, y)]) / 2)


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """The mean structural similarity of pictures `x` and `y` (n h w c) in [-1, 1].

    Pictures are mapped to [0, 1]; Gaussian window of 11x11, sigma 1.5, k1 = 0.01, k2 = 0.03; the
    window stays inside the picture; every channel alone, then the mean. Only one batch at a time
    is on the device.

    Returns: a number in [-1, 1], 1 for equal pictures.

    Raises:
        ValueError: the shapes differ, or the pictures are smaller than the window.

    Reference: Wang et al. 2004 (doi 10.1109/TIP.2003.819861), equation 13.
    """
    _check(x, y)
    if min(x.shape[1:3]) < _WINDOW:
        raise ValueError(f"SSIM needs pictures of {_WINDOW}x{_WINDOW} or more, got {x.shape[1:3]}")
    scores = []
    for start in range(0, len(x), _BATCH):
        a, b = (_filled(np.asarray(z[start : start + _BATCH], np.float32)) for z in (x, y))
        scores.append(np.asarray(_scores(a, b))[: len(x) - start])
    return float(np.concatenate(scores).mean(dtype=np.float64))


@jax.jit
def _scores(x: Image, y: Image) -> jax.Array:
    x, y = (x + 1) / 2, (y + 1) / 2
    return jnp.asarray(dm_pix.ssim(x, y, max_val=1.0, filter_size=_WINDOW, filter_sigma=1.5))


def _filled(batch: np.ndarray) -> np.ndarray:
    # One batch size, one compilation.
    return np.pad(batch, ((0, _BATCH - len(batch)), (0, 0), (0, 0), (0, 0)))


def _pairs(x: np.ndarray, y: np.ndarray):
    return zip(np.asarray(x, np.float32), np.asarray(y, np.float32), strict=True)


def _check(x: np.ndarray, y: np.ndarray) -> None:
    if x.shape != y.shape or x.ndim != 4 or len(x) == 0:
        raise ValueError(f"expected two equal shapes (n, h, w, c), got {x.shape} and {y.shape}")
