"""Learning-rate schedules."""

from typing import Any

import jax.numpy as jnp
import optax


def linear_decay(
    rate: float, constant: int, decay: int, steps_per_epoch: int = 1
) -> optax.Schedule:
    """A constant rate, then a linear fall that never quite reaches zero.

    In the 1-based epoch E the rate is `rate` times $1 - \\max(0, E - constant) / (decay + 1)$.

    Args:
        rate: the initial rate.
        constant: epochs at the full rate.
        decay: epochs of the fall.
        steps_per_epoch: optimiser steps in an epoch; 1 makes the schedule a function of steps.

    Reference: Zhu et al. 2017 (arXiv 1703.10593), section 7.1.
    """
    if constant < 0 or decay < 0 or steps_per_epoch < 1:
        raise ValueError(
            "constant and decay must not be negative and steps_per_epoch at least 1, "
            f"got {constant}, {decay}, {steps_per_epoch}"
        )

    def schedule(step: Any) -> Any:
        epoch = step // steps_per_epoch + 1
        return rate * (1.0 - jnp.maximum(0, epoch - constant) / (decay + 1))

    return schedule


def cosine_decay(rate: float, steps: int, hold: int = 1) -> optax.Schedule:
    """$\\frac12 (1 + \\cos(\\pi e / E))$ times `rate` in epoch e, from 0, of E = `steps` / `hold`.

    Args:
        rate: the initial rate.
        steps: of the whole fall; at their end it would be zero.
        hold: steps in an epoch, over which the rate stays; 1 makes it a function of steps.

    Reference: Loshchilov and Hutter 2017 (arXiv 1608.03983), equation 5, without restarts.
    """
    epochs = max(1, steps // hold)

    def schedule(step: Any) -> Any:
        return rate * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(step // hold, epochs) / epochs))

    return schedule


def halved(schedule: optax.Schedule, every: int) -> optax.Schedule:
    """`schedule` times one half for each `every` steps that have passed.

    Reference: Huang et al. 2018 (arXiv 1804.04732), released code.
    """

    def halving(step: Any) -> Any:
        return schedule(step) * 0.5 ** (step // every)

    return halving
