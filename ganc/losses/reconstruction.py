"""Distances between two pictures or two feature maps; each returns a scalar mean."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganc.types import AnyArray


def l1_loss(x: Float[AnyArray, "*shape"], y: Float[AnyArray, "*shape"]) -> Float[Array, ""]:
    """Mean absolute difference."""
    return jnp.mean(jnp.abs(x - y))


def l2_loss(x: Float[AnyArray, "*shape"], y: Float[AnyArray, "*shape"]) -> Float[Array, ""]:
    """Mean squared difference."""
    return jnp.mean(jnp.square(x - y))
