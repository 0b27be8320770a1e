"""The proximal step on scales."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.methods.sites import Site
from ganc.types import Params


def soft_threshold(x: Any, threshold: Any) -> jax.Array:
    """$\\mathrm{sign}(x) \\max(|x| - t, 0)$: the proximal step of $t |x|_1$; exact zeros."""
    return jnp.sign(x) * jnp.maximum(jnp.abs(x) - threshold, 0)


def sizes(params: Params, site: Site) -> jax.Array:
    """The size of every channel of a site (c): its largest scale, without sign."""
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    scales = jnp.stack([jnp.abs(flat[path]).reshape(site.times, -1) for path in site.scales])
    return jnp.max(scales, axis=(0, 1))


def shrink(params: Params, sites: Sequence[Site], threshold: Any) -> Params:
    """`params` after the proximal step on all scales of the sites.

    Where a group that the network cannot do without would lose all its channels, the largest stays
    as it is.

    Args:
        params: of a generator.
        sites: of it.
        threshold: by how much every scale comes nearer to zero: rho times the learning rate.

    Reference: Wang et al. 2020 (arXiv 2008.11062), its algorithm 1.
    """
    flat: dict[str, Any] = dict(flatten_dict(params, sep="/"))
    for site in sites:
        size = sizes(params, site)
        rescued = (size == size.max()) & (size.max() <= threshold) & bool(site.least)
        for path in site.scales:
            kept = _spread(rescued, site, flat[path])
            flat[path] = jnp.where(kept, flat[path], soft_threshold(flat[path], threshold))
    return unflatten_dict(flat, sep="/")


def _spread(channels: jax.Array, site: Site, scale: Any) -> jax.Array:
    """What holds for the channels of a site (c), in the shape of one of its scales or shifts."""
    return jnp.tile(channels, site.times).reshape(jnp.shape(scale))


def bury(params: Params, before: Params, sites: Sequence[Site]) -> Params:
    """`params` where a channel that was dead `before` stays so, and dead channels have no shift.

    Such a channel gives exactly zero, whatever follows: leaving it out changes nothing.
    """
    flat: dict[str, Any] = dict(flatten_dict(params, sep="/"))
    for site in sites:
        was = sizes(before, site) > 0
        for path in site.scales:
            flat[path] = flat[path] * _spread(was, site, flat[path])
        alive = sizes(unflatten_dict(flat, sep="/"), site) > 0
        for path in site.biases:
            if path in flat:
                flat[path] = flat[path] * _spread(alive, site, flat[path])
    return unflatten_dict(flat, sep="/")
