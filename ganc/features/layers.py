"""What the forward passes of the frozen networks are made of, with PyTorch's geometry."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Num

from ganc.types import AnyArray, Params

_Array = TypeVar("_Array", np.ndarray, jax.Array)


def check_rgb(images: Num[AnyArray, "..."]) -> None:
    """Raises ValueError unless `images` are (b h w 3)."""
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"expected RGB images of shape (b, h, w, 3), got {images.shape}")


def levels(images: Num[_Array, "b h w _c"]) -> Float[_Array, "b h w _c"]:
    """The levels 0..255 of `images`, as float32: what a reader of the saved pictures would see.

    Args:
        images: RGB (b h w 3), uint8, or floats in [-1, 1], which are rounded to the nearest level
            as when a picture is saved.
    """
    check_rgb(images)
    if images.dtype == np.uint8:
        return images.astype(np.float32)
    return ((images.astype(np.float32) + 1) * 127.5).round().clip(0, 255)


def convolve(
    conv: Params,
    x: Float[Array, "b h w i"],
    *,
    stride: int = 1,
    dilation: int = 1,
    same: bool = True,
) -> Float[Array, "b _h _w o"]:
    """Cross-correlates `x` (b h w i) with the kernel of `conv` and adds its bias.

    Args:
        conv: {"kernel" (kh kw i o), "bias" (o)}.
        x: activations.
        stride: of the output, in pixels of `x`.
        dilation: distance of the taps.
        same: pads with half a kernel of zeros on every side; otherwise nothing is padded.
    """
    pads = [dilation * (size // 2) if same else 0 for size in conv["kernel"].shape[:2]]
    y = lax.conv_general_dilated(
        x,
        conv["kernel"],
        (stride, stride),
        [(pad, pad) for pad in pads],
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + conv["bias"]


def max_pool(
    x: Float[Array, "b h w c"], size: int, stride: int, pad: int = 0
) -> Float[Array, "b _h _w c"]:
    """The maximum of every `size` x `size` window of `x` (b h w c), padded on every side."""
    pads = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), pads)
