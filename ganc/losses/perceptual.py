"""Distances between pictures that see structure, features and style; each returns a scalar.

Reference: Ren et al. 2021 (arXiv 2108.06908), whose students learn from these alone.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganc.losses.reconstruction import l1_loss
from ganc.types import AnyArray

WINDOW = 11
"""px, height and width of the window of `ssim`."""

_SIGMA = 1.5


def ssim(
    x: Float[AnyArray, "b h w c"], y: Float[AnyArray, "b h w c"], *, padded: bool = True
) -> Float[Array, ""]:
    """The mean structural similarity of `x` and `y` (b h w c), for gradients.

    $\\frac{(2 \\mu_x \\mu_y + c_1)(2 \\sigma_{xy} + c_2)}
    {(\\mu_x^2 + \\mu_y^2 + c_1)(\\sigma_x^2 + \\sigma_y^2 + c_2)}$ in a Gaussian window of 11x11,
    sigma 1.5; $c_1 = 0.01^2$ and $c_2 = 0.03^2$, those of values with a range of 1.

    Args:
        x, y: pictures. OMGD gives them in [-1, 1] all the same; in [0, 1] and not `padded` this is
            `ganc.metrics.similarity.ssim` of the same pictures in [-1, 1].
        padded: whether the window reaches over the borders, where it meets zeros.

    Returns: a number in [-1, 1], 1 for equal pictures.

    Raises:
        ValueError: the window does not fit into pictures that are not padded.

    Reference: Wang et al. 2004 (doi 10.1109/TIP.2003.819861), equation 13; Ren et al. 2021 (arXiv
    2108.06908), released code.
    """
    if not padded and min(x.shape[1:3]) < WINDOW:
        raise ValueError(f"without padding SSIM needs {WINDOW}x{WINDOW} or more, got {x.shape}")
    x, y = jnp.asarray(x), jnp.asarray(y)
    maps = _smooth(jnp.stack([x, y, x * x + y * y, x * y]), padded)
    mean_x, mean_y, squares, product = maps
    c1, c2 = 0.01**2, 0.03**2
    means, both = mean_x**2 + mean_y**2, mean_x * mean_y
    luminance = (2 * both + c1) / (means + c1)
    structure = (2 * (product - both) + c2) / (squares - means + c2)
    return jnp.mean(luminance * structure)


def _smooth(x: jax.Array, padded: bool) -> jax.Array:
    # (k b h w c), a band matrix for each axis: a depthwise convolution of 11x11 is slow on CPUs.
    for axis, equation in ((2, "nh,kbhwc->kbnwc"), (3, "nw,kbhwc->kbhnc")):
        band = jnp.asarray(_band(x.shape[axis], padded))
        x = jnp.einsum(equation, band, x, precision="highest")
    return x


def _band(size: int, padded: bool) -> np.ndarray:
    """(n size): every row is the window around one place."""
    half = WINDOW // 2
    centres = np.arange(size) if padded else np.arange(half, size - half)
    distance = np.arange(size)[None] - centres[:, None]
    window = np.exp(-0.5 * (np.arange(-half, half + 1) / _SIGMA) ** 2).sum()
    band = np.exp(-0.5 * (distance / _SIGMA) ** 2) / window
    return np.where(np.abs(distance) <= half, band, 0).astype(np.float32)


def total_variation(x: Float[AnyArray, "b h w c"]) -> Float[Array, ""]:
    """$\\sum |x_{i+1,j} - x_{ij}| + |x_{i,j+1} - x_{ij}|$ over pictures, pixels and channels.

    It is a sum, as published, so it grows with the batch and with the number of pixels.

    Reference: Ren et al. 2021 (arXiv 2108.06908), released code.
    """
    x = jnp.asarray(x)
    return jnp.abs(jnp.diff(x, axis=1)).sum() + jnp.abs(jnp.diff(x, axis=2)).sum()


def gram(x: Float[AnyArray, "b h w c"]) -> Float[Array, "b c c"]:
    """$F F^T / (c h w)$ of every picture's features, as a matrix F of channels and places.

    Reference: Johnson et al. 2016 (arXiv 1603.08155), equation 3.
    """
    _, h, w, c = x.shape
    return jnp.einsum("bhwi,bhwj->bij", x, x, precision="highest") / (c * h * w)


def style_loss(
    x: Sequence[Float[AnyArray, "..."]], y: Sequence[Float[AnyArray, "..."]]
) -> Float[Array, ""]:
    """$\\sum_k \\mathrm{mean}\\,|G(x_k) - G(y_k)|$ of the Gram matrices of features (b h w c).

    Reference: Ren et al. 2021 (arXiv 2108.06908), released code; Johnson et al. 2016 (arXiv
    1603.08155), equation 4, has squares.
    """
    terms = [l1_loss(gram(ours), gram(theirs)) for ours, theirs in zip(x, y, strict=True)]
    return sum(terms, jnp.float32(0))
