"""Adversarial losses on logits of any shape; each returns a scalar mean."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp


class Adversarial(NamedTuple):
    """A pair of losses: what the discriminator and what the generator minimises.

    Attributes:
        discriminator: `(real_logits, fake_logits) -> scalar`, half the sum of its two terms.
        generator: `(fake_logits) -> scalar`.
    """

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[[jax.Array], jax.Array]


def _least_squares_discriminator(real: jax.Array, fake: jax.Array) -> jax.Array:
    return 0.5 * (jnp.mean(jnp.square(real - 1)) + jnp.mean(jnp.square(fake)))


def _least_squares_generator(fake: jax.Array) -> jax.Array:
    return jnp.mean(jnp.square(fake - 1))


def _hinge_discriminator(real: jax.Array, fake: jax.Array) -> jax.Array:
    return 0.5 * (jnp.mean(nn.relu(1 - real)) + jnp.mean(nn.relu(1 + fake)))


def _hinge_generator(fake: jax.Array) -> jax.Array:
    return -jnp.mean(fake)


LEAST_SQUARES = Adversarial(_least_squares_discriminator, _least_squares_generator)
"""$\\frac12[(D(y) - 1)^2 + D(\\hat y)^2]$ and $(D(\\hat y) - 1)^2$. Mao et al. 2017, 1611.04076."""

HINGE = Adversarial(_hinge_discriminator, _hinge_generator)
"""$\\frac12[\\max(0, 1 - D(y)) + \\max(0, 1 + D(\\hat y))]$ and $-D(\\hat y)$. Lim, Ye 2017."""
