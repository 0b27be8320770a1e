"""Running statistics: the part of the parameters that training measures and does not learn."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.types import Generator, Masks, Params


def merge(params: Params, statistics: Params) -> Params:
    """`params` with the `statistics` that a call with `momentum` returned in place of their own."""
    flat: dict[str, Any] = dict(flatten_dict(params, sep="/"))
    return unflatten_dict(flat | flatten_dict(statistics, sep="/"), sep="/")


def recalibrate(
    generator: Generator,
    params: Params,
    batches: Iterable[jax.Array],
    *,
    masks: Masks | None = None,
    **inputs: Any,
) -> Params:
    """`params` whose batch norms hold the statistics of all `batches`, for one architecture.

    Statistics that a supernet measured belong to no architecture; each is measured before it is
    scored. Every batch is normalised by itself on its way through the network; means are averaged
    over the batches, and so are variances, to which the variance of the means is added.

    Args:
        generator: whose parameters they are.
        params: full, or sliced.
        batches: pictures (b h w c); all batches should have the same size.
        masks: the architecture, if `params` are those of a supernet.
        inputs: what else the family takes.

    Raises:
        ValueError: there are no batches.

    Reference: Li et al. 2020 (arXiv 2003.08936) recalibrate before every evaluation.

    Differs from the reference: its released code keeps the statistics of the last batch alone,
    because a flag that it sets at the first batch is never reset.
    """
    if not generator.statistics:
        return params

    @jax.jit
    def measure(params: Params, x: jax.Array) -> Params:
        return generator.apply(params, x, masks=masks, momentum=1.0, **inputs).statistics

    found: list[dict[str, Any]] = [
        dict(flatten_dict(measure(params, batch), sep="/")) for batch in batches
    ]
    if not found:
        raise ValueError("there are no pictures to measure the statistics with")
    pooled = {}
    for name in found[0]:
        values = jnp.stack([each[name] for each in found])
        pooled[name] = values.mean(axis=0)
        if name.endswith("/var"):
            means = jnp.stack([each[f"{name.removesuffix('var')}mean"] for each in found])
            pooled[name] += means.var(axis=0)
    return merge(params, unflatten_dict(pooled, sep="/"))
