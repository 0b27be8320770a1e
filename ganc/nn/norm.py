"""Normalisers."""

import jax
import jax.numpy as jnp
from jax import lax


def instance_norm(x: jax.Array, eps: float = 1e-5) -> jax.Array:
    """Normalises each channel of each picture of `x` (b h w c) to mean 0 and variance 1.

    $(x - \\mu) / \\sqrt{\\sigma^2 + \\epsilon}$ with the biased variance over height and width, as
    PyTorch's non-affine InstanceNorm2d. The variance is taken of the centred values: the one-pass
    form loses 1e-2 at a mean of 100.
    """
    centred = x - jnp.mean(x, axis=(1, 2), keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
    return centred * lax.rsqrt(variance + eps)
