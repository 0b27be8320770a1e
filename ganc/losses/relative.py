"""How far two sets of loss items are apart, each in units of its own size."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp


def relative_gaps(
    theirs: Mapping[str, jax.Array],
    ours: Mapping[str, jax.Array],
    weights: Mapping[str, float],
    floor: float,
) -> tuple[dict[str, jax.Array], jax.Array]:
    """$w_i |o_i - c_i| / \\max(|o_i|, \\epsilon)$ for each item, and how often the floor divided.

    Args:
        theirs: name -> weighted item $w_i o_i$ of the network that is imitated, a constant.
        ours: the same items $w_i c_i$ of the one that learns.
        weights: name -> $w_i$, 1 where it is not named; an item of weight 0 is left out.
        floor: $\\epsilon$, in units of the items without their weights.

    Returns: the gaps by name, and a count.

    Reference: Yu and Pool 2020 (arXiv 2007.01491), equations 7 and 8.

    Differs from the reference: it says nothing of items that cross zero, at which the gap and its
    gradient would explode; the floor is ours.
    """
    gaps, floored = {}, jnp.float32(0)
    for name, item in theirs.items():
        weight = weights.get(name, 1.0)
        if not weight:
            continue
        item = jax.lax.stop_gradient(item)
        size, least = jnp.abs(item), weight * floor
        gaps[name] = weight * jnp.abs(item - ours[name]) / jnp.maximum(size, least)
        floored += size < least
    return gaps, floored
