"""The ways in which pictures become the 299 x 299 pixels that the network of FID sees.

Numbers under different ways cannot be compared (Parmar, Zhang and Zhu 2022, arXiv 2104.11222).
"""

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num
from PIL import Image as pillow

from ganc.features.layers import levels
from ganc.types import AnyArray

Resize = Literal["bilinear", "clean", "tf1"]

SIZE = 299


def _interpolate(x: jax.Array, centre: float) -> jax.Array:
    # Between the two pixels around each place and never more, however much is left out between two
    # places. A pixel lies at its index, where pixels are taken to reach `centre` to either side.
    for axis in (1, 2):
        pixels = x.shape[axis]
        place = np.maximum((np.arange(SIZE) + centre) * (pixels / SIZE) - centre, 0)
        low = place.astype(int)
        share = (place - low).astype(np.float32).reshape((SIZE,) + (1,) * (3 - axis))
        first, second = (jnp.take(x, i, axis) for i in (low, np.minimum(low + 1, pixels - 1)))
        x = first + (second - first) * share
    return x


def resize_by_pillow(
    picture: Float[np.ndarray, "h w c"], size: int, kernel: pillow.Resampling
) -> Float[np.ndarray, "{size} {size} c"]:
    """A picture, float32 (h w c), as float32 (size size c); nothing is rounded in between.

    Pillow's filters widen where the picture shrinks (antialiased). It takes floats one channel at
    a time.
    """
    channels = [
        np.asarray(pillow.fromarray(channel).resize((size, size), kernel))
        for channel in np.ascontiguousarray(picture.transpose(2, 0, 1))
    ]
    return np.stack(channels, axis=-1)


def _clean(picture: np.ndarray) -> np.ndarray:
    return resize_by_pillow(picture, SIZE, pillow.Resampling.BICUBIC).clip(0, 255)


def resize(images: Num[AnyArray, "b h w c"], how: Resize) -> Float[Array, "b 299 299 3"]:
    """Resizes the levels 0..255 of pictures and maps them to the range of the network.

    - "bilinear", of pytorch-fid: half-pixel centres, two pixels per axis even where the picture
      shrinks (aliased); x / 127.5 - 1. GAN Compression, OMGD and GAN Slimming report this one.
    - "clean", of clean-fid: Pillow's bicubic filter on float channels, which widens where the
      picture shrinks (antialiased), clipped to 0..255; (x - 128) / 128. On the host.
    - "tf1", of torch-fidelity and of the first FID: output pixel i lies at i * pixels / 299, so the
      picture is shifted by up to half a pixel; two pixels per axis; (x - 128) / 128.

    Args:
        images: RGB (b h w 3), uint8, or floats in [-1, 1], rounded to levels as when saved.
        how: one of the above. "clean" cannot be traced by `jit`.
    """
    if how not in get_args(Resize):
        raise ValueError(f"expected one of {get_args(Resize)} to resize, got {how!r}")
    if how == "clean":
        pictures = [_clean(picture) for picture in levels(np.asarray(images))]
        return (jnp.asarray(np.stack(pictures)) - 128) / 128
    if how == "tf1":
        return (_interpolate(levels(jnp.asarray(images)), 0.0) - 128) / 128
    return _interpolate(levels(jnp.asarray(images)), 0.5) / 127.5 - 1
