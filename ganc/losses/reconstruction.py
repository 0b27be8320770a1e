"""Distances between two pictures or two feature maps; each returns a scalar mean."""

import jax
import jax.numpy as jnp


def l1_loss(x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean absolute difference."""
    return jnp.mean(jnp.abs(x - y))


def l2_loss(x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean squared difference."""
    return jnp.mean(jnp.square(x - y))
