"""Numbers rounded to few levels in the forward pass, with the gradient of no rounding.

Reference: Wang et al. 2020 (arXiv 2008.11062), GAN Slimming; the straight-through estimator is of
Bengio et al. 2013 (arXiv 1308.3432), learned clips of Choi et al. 2018 (arXiv 1805.06085).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ganc.types import AnyArray

WEIGHT_LEVELS = 127
"""Weights have the codes -127 to 127."""


def activations(
    x: Float[AnyArray, "..."], clip: Any, levels: int, *, signed: bool = False
) -> Float[Array, "..."]:
    """`x` clipped to [0, `clip`], or [-`clip`, `clip`], and rounded to multiples of clip / levels.

    Half is rounded to even. The gradient with respect to `x` is 1 in the range, its ends included,
    and 0 outside; that with respect to `clip` is 1 above the range, and -1 below a signed one.

    Args:
        x: anything.
        clip: a positive scalar.
        levels: the largest code; 256 has 257 codes, as published, 255 fits a byte, and so does 127
            where `signed`.
        signed: whether there are negative codes.
    """
    x, clip = jnp.asarray(x), jnp.asarray(clip, jnp.float32)
    low = -clip if signed else jnp.zeros_like(clip)
    clipped = jnp.where(x > clip, clip, jnp.where(x < low, low, x))
    step = lax.stop_gradient(clip) / levels
    return _straight_through(clipped, jnp.round(clipped / step) * step)


def weight_scale(kernel: Float[AnyArray, "..."], per_channel: bool) -> Float[Array, "..."]:
    """max |kernel| / 127, of the whole or of each output channel (the last axis), with all axes."""
    axes = tuple(range(kernel.ndim - 1)) if per_channel else None
    largest = jnp.max(jnp.abs(jnp.asarray(kernel)), axis=axes, keepdims=True)
    # A kernel of zeros has a scale too; its codes are zeros.
    return lax.stop_gradient(jnp.where(largest > 0, largest, 1.0) / WEIGHT_LEVELS)


def weights(kernel: Float[AnyArray, "..."], *, per_channel: bool = False) -> Float[Array, "..."]:
    """`kernel` rounded to multiples of its `weight_scale`; the gradient is that of the identity."""
    kernel = jnp.asarray(kernel)
    scale = weight_scale(kernel, per_channel)
    return _straight_through(kernel, jnp.round(kernel / scale) * scale)


def encode(kernel: Float[AnyArray, "..."], *, per_channel: bool) -> tuple[np.ndarray, np.ndarray]:
    """The int8 codes of `kernel` and their float32 scales, on the host; see `decode`.

    Scales have 16 significant bits, so that their products with codes are exact: what was decoded
    has the very same codes and scales again.
    """
    kernel = np.asarray(kernel, np.float32)
    mantissa, exponent = np.frexp(np.asarray(weight_scale(kernel, per_channel), np.float32))
    scale = np.ldexp(np.round(mantissa * 2**16) / np.float32(2**16), exponent).astype(np.float32)
    codes = np.clip(np.round(kernel / scale), -WEIGHT_LEVELS, WEIGHT_LEVELS)
    return codes.astype(np.int8), scale.reshape(-1)


def decode(codes: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The float32 kernel of int8 `codes` (... o) and of scales (1) or (o)."""
    return codes.astype(np.float32) * scale


def _straight_through(x: jax.Array, rounded: jax.Array) -> jax.Array:
    return x + lax.stop_gradient(rounded - x)
