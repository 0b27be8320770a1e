"""The small network in a slimmed one: dead channels are left out, and what they still say is kept.

A channel whose scales are zero is constant: its shift, through whatever activations follow. A
convolution whose border sees no zeros adds the same number everywhere for it, which goes into its
bias. Elsewhere the border would miss it, or there is no bias: then one dead channel of the group
stays, as a constant, and its kernel carries all of them.

Reference: Wang et al. 2020 (arXiv 2008.11062).

Of a rounded network the cut is as exact: masked and cut, it draws the same. But it is not quite
the network that learned. A kernel's grid is as wide as its largest weight, and narrows where that
belonged to a dead channel, and what dead channels say is folded before it is rounded. No grid of
int8 codes holds the old numbers; fine-tuning begins with the new ones.

Differs from the reference: its code drops those constants, and makes 2 x of a block that became the
identity x; here such a block keeps one channel, and stays the identity.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.discovery.fingerprint import Own
from ganc.methods.sites import Site, dead_channels
from ganc.models.kernels import Kernel, each_input, kernels_of
from ganc.types import Generator, Keep, Params

_VARIES = 1e-3
"""Of a constant channel; a norm of a constant leaves some 1e-5 of noise."""


class Extracted(NamedTuple):
    """What is left of a slimmed network.

    Attributes:
        params: the small network's.
        whole: they at full size, with zeros for the channels that are gone: the masked network.
        keep: the channels that stay of the groups that were slimmed.
        carriers: the groups that keep a constant channel for dead ones.
    """

    params: Params
    whole: Params
    keep: Keep
    carriers: tuple[str, ...]


def extract(generator: Generator, params: Params, sites: tuple[Site, ...]) -> Extracted:
    """The network without its dead channels; it draws what `params` draw.

    A channel that is not constant where a convolution takes it, such as behind a norm that sees a
    border of zeros, stays. What is left of a network of one's own draws what it drew with
    its dead channels masked.

    Args:
        generator: as it is applied.
        params: of it, perhaps sliced before.
        sites: where it was slimmed.
    """
    dead, widths = dead_channels(params, sites), channels.read_widths(params, generator.axes)
    if isinstance(generator.spec, Own):  # its dead channels were masked while it learned
        keep = {group: np.flatnonzero(~gone) for group, gone in dead.items()}
        return _cut(generator, params, keep)
    takers = {
        group: [k for k in kernels_of(generator) if group in channels.names(k.source)]
        for group in dead
    }
    noise = _noise(generator)
    seen = _inputs(generator, params, noise)
    for group, gone in dead.items():
        for kernel in takers[group]:
            part = seen[kernel.path][..., _places(kernel, group, widths)]
            gone &= np.ptp(part.reshape(-1, part.shape[-1]), axis=0) < _VARIES
        if gone.all():  # a layer has at least one channel
            gone[np.argmin(gone)] = False
    carriers = {
        group: int(np.flatnonzero(gone)[0])
        for group, gone in dead.items()
        if any(_needs_carrier(k, group, gone, seen, widths) for k in takers[group])
    }
    params = _constant(params, sites, carriers)
    carried = _inputs(generator, params, noise) if carriers else seen
    flat: dict[str, Any] = dict(flatten_dict(params, sep="/"))
    for group, gone in dead.items():
        for kernel in (k for k in takers[group] if not k.depthwise):
            _fold(flat, kernel, group, gone, carriers.get(group), seen, carried, widths)
    keep: dict[str, np.ndarray] = {}
    for group, gone in dead.items():
        stays = ~gone
        if group in carriers:
            stays[carriers[group]] = True
        keep[group] = np.flatnonzero(stays)
    return _cut(generator, unflatten_dict(flat, sep="/"), keep, tuple(carriers))


def _cut(
    generator: Generator, params: Params, keep: Keep, carriers: tuple[str, ...] = ()
) -> Extracted:
    small: Any = channels.slice_params(params, generator.axes, keep)
    nothing = jax.tree.map(jnp.zeros_like, params)
    whole = channels.put_back(nothing, generator.axes, keep, small)
    return Extracted(small, whole, keep, carriers)


def _noise(generator: Generator) -> np.ndarray:
    side = -(-max(generator.minimum, 8) // generator.divisor) * generator.divisor
    shape = (2, side, side, generator.channels_in)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _inputs(generator: Generator, params: Params, x: np.ndarray) -> dict[str, np.ndarray]:
    """What every layer with a kernel is given, by its path."""

    def run(params: Params):
        found: dict[str, jax.Array] = {}

        def see(layer: Any, x: jax.Array) -> jax.Array:
            found["/".join(layer.path)] = x
            return x

        with each_input(see):
            generator.apply(params, jnp.asarray(x))
        return found

    return {path: np.asarray(value) for path, value in jax.jit(run)(params).items()}


def _places(kernel: Kernel, group: str, widths: Mapping[str, int]) -> np.ndarray:
    """Where the channels of `group` stand in the input of a layer."""
    offset = 0
    for name in channels.names(kernel.source):
        if name == group:
            return np.arange(offset, offset + widths[name])
        offset += widths[name]
    raise AssertionError(f"{kernel.path} does not take {group}")


def _values(kernel: Kernel, group: str, seen, widths) -> np.ndarray:
    """The mean of every channel of `group` in the input of a layer."""
    part = seen[kernel.path][..., _places(kernel, group, widths)]
    return part.reshape(-1, part.shape[-1]).mean(axis=0)


def _needs_carrier(kernel: Kernel, group: str, gone: np.ndarray, seen, widths) -> bool:
    if kernel.depthwise or (kernel.bias and not kernel.bordered) or not gone.any():
        return False
    return bool(np.any(np.abs(_values(kernel, group, seen, widths)[gone]) > 1e-7))


def _constant(params: Params, sites: tuple[Site, ...], carriers: Mapping[str, int]) -> Params:
    """`params` where the carrier of a group is shifted by 1 wherever it was scaled."""
    flat: dict[str, Any] = dict(flatten_dict(params, sep="/"))
    for site in sites:
        if site.group in carriers:
            for path in site.biases:
                flat[path] = jnp.asarray(flat[path]).at[carriers[site.group]].set(1.0)
    return unflatten_dict(flat, sep="/")


def _fold(
    flat: dict[str, Any],
    kernel: Kernel,
    group: str,
    gone: np.ndarray,
    carrier: int | None,
    seen: Mapping[str, np.ndarray],
    carried: Mapping[str, np.ndarray],
    widths: Mapping[str, int],
) -> None:
    """Puts what the dead channels of `group` say to a layer into its bias, or its carrier."""
    path, places = f"{kernel.path}/kernel", _places(kernel, group, widths)
    weights, values = np.array(flat[path]), _values(kernel, group, seen, widths)
    said = np.einsum("...io,i->...o", weights[..., places[gone], :], values[gone])
    if carrier is not None:
        weights[..., places[carrier], :] = 0
    if kernel.bias and not kernel.bordered:
        over = tuple(range(said.ndim - 1))
        flat[f"{kernel.path}/bias"] = flat[f"{kernel.path}/bias"] + said.sum(axis=over)
    elif carrier is not None:
        level = _values(kernel, group, carried, widths)[carrier]
        if abs(level) > _VARIES:
            weights[..., places[carrier], :] = said / level
    flat[path] = jnp.asarray(weights)
