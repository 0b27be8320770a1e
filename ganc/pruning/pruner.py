"""Masks over the parameters of one network: how they begin, tighten and are applied.

Masks only ever tighten: what is pruned stays so, and stays exactly zero where every update ends in
`Pruner.apply`, as the `project` of `methods/update.py`.

Reference: Yu and Pool 2020 (arXiv 2007.01491), who prune with Distiller.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.pruning.units import GONE, UNITS, Granularity, Scope, Units, lowest, prunable
from ganc.types import Discriminator, Generator, Keep, Params


class Pruner(NamedTuple):
    """How one network is pruned.

    Attributes:
        init: masks that let everything through.
        tighten: `(params, masks, sparsity) -> masks` with that share of zeros, on the host; they
            are nested in those before.
        apply: `(params, masks) -> params`, with exact zeros where the masks say; pure.
        keep: `masks -> ` the channels that stay, of masks over whole channels; else every one.
    """

    init: Callable[[], Params]
    tighten: Callable[[Params, Params, float], Params]
    apply: Callable[[Params, Params], Params]
    keep: Callable[[Params], Keep]


def pruner(
    network: Generator | Discriminator, granularity: Granularity, scope: Scope = "layer"
) -> Pruner:
    """How `network` is pruned in units of `granularity`, over each layer or over all."""
    if granularity == "filter":
        return _filters(network, scope)
    return _weights(network, granularity, scope)


def _weights(network, granularity: Granularity, scope: Scope) -> Pruner:
    units, paths = UNITS[granularity], prunable(network, granularity)
    shapes: Any = flatten_dict(jax.eval_shape(network.init, jax.random.key(0)), sep="/")

    def init() -> Params:
        return unflatten_dict({p: jnp.ones(shapes[p].shape, bool) for p in paths}, sep="/")

    def tighten(params: Params, masks: Params, sparsity: float) -> Params:
        weights: Any = flatten_dict(params, sep="/")
        had: Any = jax.tree.map(np.asarray, flatten_dict(masks, sep="/"))
        had = {path: had[path].transpose(order) for path, order in paths.items()}
        found = {path: _magnitude(weights[path], had[path], paths[path]) for path in paths}
        scores = {path: units.scores(w) for path, w in found.items()}
        sizes = {path: found[path].size // score.size for path, score in scores.items()}
        going = _choose(scores, sizes, sparsity, scope, units)
        kept = {path: units.drop(found[path], going[path]) & had[path] for path in paths}
        back = {path: kept[path].transpose(np.argsort(order)) for path, order in paths.items()}
        return unflatten_dict(back, sep="/")

    def apply(params: Params, masks: Params) -> Params:
        flat: dict[str, Any] = dict(flatten_dict(params, sep="/"))
        kept: Any = flatten_dict(masks, sep="/")
        for path, mask in kept.items():
            flat[path] = jnp.where(mask, flat[path], 0)
        return unflatten_dict(flat, sep="/")

    return Pruner(init, tighten, apply, lambda masks: _all(network.widths))


def _filters(network, scope: Scope) -> Pruner:
    """Output channels, by the mean magnitude of the filters that make them.

    The masks are vectors over channel groups. A channel goes from all that makes, scales and reads
    it, so the network computes what remains when it is cut out.

    Differs from the reference: there filters are pruned layer by layer, layers that a skip adds up
    do not agree on them, and a pruned one still emits its bias. None of those could be cut out.
    """
    axes: Any = flatten_dict(network.axes, sep="/")
    kernels = {
        path: (order, axes[path][order[3]])
        for path, order in prunable(network, "filter").items()
        if axes[path][order[3]] is not None
    }
    made = {name for _, group in kernels.values() for name in channels.names(group)}
    groups = {name: width for name, width in sorted(network.widths.items()) if name in made}

    def init() -> Params:
        return {name: jnp.ones(width, bool) for name, width in groups.items()}

    def tighten(params: Params, masks: Params, sparsity: float) -> Params:
        total = {name: np.zeros(width) for name, width in groups.items()}
        sizes = dict.fromkeys(groups, 0)
        flat: Any = flatten_dict(params, sep="/")
        for path, (order, group) in kernels.items():
            magnitude, offset = np.abs(np.asarray(flat[path], np.float64)).transpose(order), 0
            for name in channels.names(group):
                part = magnitude[..., offset : offset + groups[name]]
                total[name] += part.sum(axis=(0, 1, 2))
                sizes[name] += part[..., 0].size
                offset += groups[name]
        scores = {n: np.where(masks[n], total[n] / sizes[n], GONE) for n in groups}
        going = _choose(scores, sizes, sparsity, scope, UNITS["kernel"])
        return {name: ~going[name] & np.asarray(masks[name]) for name in groups}

    def apply(params: Params, masks: Params) -> Params:
        whole = {name: masks.get(name, jnp.ones(w, bool)) for name, w in network.widths.items()}

        def silence(path: str, array: jax.Array) -> jax.Array:
            for axis, group in enumerate(() if path in network.statistics else axes[path]):
                if group is not None:
                    others = tuple(i for i in range(array.ndim) if i != axis)
                    mask = channels.mask_of(group, whole)
                    array = jnp.where(jnp.expand_dims(mask, others), array, 0)
            return array

        flat: Any = flatten_dict(params, sep="/")
        return unflatten_dict({path: silence(path, leaf) for path, leaf in flat.items()}, sep="/")

    def keep(masks: Params) -> Keep:
        found = {name: np.flatnonzero(np.asarray(mask)) for name, mask in masks.items()}
        return _all(network.widths) | found

    return Pruner(init, tighten, apply, keep)


def _all(widths: Mapping[str, int]) -> dict[str, np.ndarray]:
    return {group: np.arange(width) for group, width in widths.items()}


def _magnitude(weights: Any, mask: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    return np.where(mask, np.abs(np.asarray(weights)).transpose(order), GONE)


def _choose(
    scores: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
    sparsity: float,
    scope: Scope,
    units: Units,
) -> dict[str, np.ndarray]:
    """The units that go, over each layer by itself or over all together."""
    share, spare = sparsity / units.most, units.most == 1
    if share > 1 + 1e-6:
        raise ValueError(f"at most {units.most:.0%} of the weights can go here, got {sparsity:.0%}")
    if scope == "global":
        return lowest(scores, sizes, share, spare=spare)
    going = {}
    for name, score in scores.items():
        going |= lowest({name: score}, sizes, share, spare=spare)
    return going
