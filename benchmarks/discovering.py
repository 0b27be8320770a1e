"""Channel groups read off a computation: how long that takes, and what its masks cost."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from benchmarks.instruments import Row, medians, random_params
from benchmarks.networks import Networks
from ganc import channels
from ganc.discovery.generator import discovery_of, own
from ganc.metrics.latency import timed
from ganc.types import Generator, Masks, Params


def discovery(networks: Networks, repeats: int) -> Iterator[Row]:
    """The student as if it were somebody's own, beside its masks that were placed by hand.

    The gradient is that of its features: the last convolution has a derivative of its own, which a
    network of one's own is not given.
    """
    ours, x = networks.supernet.generator, networks.pictures(networks.config.supernet.batch)
    params = random_params(ours.init)
    theirs = own(lambda p, x: ours.apply(p, x), params, x)
    found = discovery_of(theirs)
    steps = len(found.program.everything())
    space = networks.supernet.space
    keep = channels.prefix(space.widths(space.smallest))
    masks = channels.masks(keep, ours.widths)
    named = {name: masks[group] for name, group in _pairs(theirs, ours)}
    both = {"hand": (ours, masks), "read": (theirs, named)}
    calls: dict[Any, Any] = {"discovery": timed(lambda: discovery_of(theirs))}
    for kind, of in {"forward": _forward, "gradient": _gradient}.items():
        for name, (generator, chosen) in both.items():
            call = of(generator)
            calls[kind, name] = timed(lambda call=call, m=chosen: call(params, x, m))
    seconds = medians(calls, 4 * repeats)
    yield Row(
        "trace and discovery of 1,000 steps", "ms", 1e6 * seconds["discovery"] / steps,
        aim="<= 2000", note=f"{steps} steps were followed",
    )  # fmt: skip
    for kind in ("forward", "gradient"):
        yield Row(
            f"masks read off / placed by hand, {kind}", "times",
            seconds[kind, "read"] / seconds[kind, "hand"],
            aim="<= 1.1", note=f"{1e3 * seconds[kind, 'hand']:.1f} ms by hand",
        )  # fmt: skip


def _pairs(theirs: Generator, ours: Generator) -> set[tuple[str, str]]:
    """The groups of two generators that stand in the same places."""
    one, two = (flatten_dict(generator.axes) for generator in (theirs, ours))
    return {
        pair
        for path, groups in one.items()
        for a, b in zip(groups, two[path], strict=True)
        for pair in zip(channels.names(a), channels.names(b), strict=True)
    }


def _forward(generator: Generator) -> Callable[[Params, Any, Masks], jax.Array]:
    return jax.jit(lambda params, x, masks: generator.apply(params, x, masks=masks).image)


def _gradient(generator: Generator) -> Callable[[Params, Any, Masks], Params]:
    def loss(params: Params, x: Any, masks: Masks) -> jax.Array:
        taps = generator.apply(params, x, masks=masks).taps.values()
        return jnp.sum(jnp.stack([jnp.mean(jnp.square(tap)) for tap in taps]))

    return jax.jit(jax.grad(loss))
