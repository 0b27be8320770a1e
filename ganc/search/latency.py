"""How long a picture takes at any architecture, by a table of layers measured on this device.

The layers of a network are timed alone, each at every width that its slots may take; an
architecture takes the sum of its layers, times a factor that whole networks give. The table is
measured once and stored: a search that goes on reads it, so that it ends as it would have ended.
Another measurement would be another table, and so another search.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.core import meta

from ganc import channels, hosts
from ganc.metrics.latency import latency
from ganc.metrics.layers import calls
from ganc.models.render import compiled
from ganc.nn.layers import Conv, ConvTranspose, DepthwiseConv, Linear
from ganc.nn.norm import BatchNorm, InstanceNorm
from ganc.runs import records
from ganc.runs.console import console
from ganc.search.evolution import Price
from ganc.search.supernet import Supernet
from ganc.types import Arch, Group, Widths

LATENCY = "latency.json"
"""The file of a run that keeps its table."""

WHOLE = 8
"""Whole networks that the table is compared with: half of them give the factor, half the error."""

_TIMED = Conv | ConvTranspose | DepthwiseConv | Linear | InstanceNorm | BatchNorm


@dataclass(frozen=True)
class _Layer:
    """A layer as its widths change."""

    module: nn.Module
    shape: tuple[int, ...]
    made: int
    groups: tuple[Group, Group]

    def widths(self, widths: Widths) -> tuple[int, int]:
        sizes = (self.shape[-1], self.made)
        return tuple(
            int(channels.count(group, widths)) if group else size
            for group, size in zip(self.groups, sizes, strict=True)
        )  # pyright: ignore[reportReturnType]

    def key(self, widths: Widths) -> str:
        """What tells it apart from others that take another time."""
        fields = ("size", "stride", "pad", "padding", "affine")
        form = [str(getattr(self.module, name)) for name in fields if hasattr(self.module, name)]
        given, made = self.widths(widths)
        shape = "x".join(map(str, self.shape[:-1]))
        return f"{type(self.module).__name__} {' '.join(form)} {shape} {given}>{made}"

    def call(self, widths: Widths) -> Callable[[], jax.Array]:
        """The layer alone, compiled, with weights of zero."""
        given, made = self.widths(widths)
        more: dict[str, Any] = {"features": made} if hasattr(self.module, "features") else {}
        alone: Any = self.module.clone(parent=None, name=None, **more)
        x = jnp.zeros((*self.shape[:-1], given))
        shapes = meta.unbox(jax.eval_shape(alone.init, jax.random.key(0), x))
        return partial(jax.jit(alone.apply), _zeros(shapes), x)


def latency_price(supernet: Supernet, path: Path, repeats: int = 20) -> Price:
    """Architecture -> ms of one picture, by the table at `path`; without one it is measured.

    Args:
        supernet: whose architectures.
        path: of the table, JSON: the factor, its error, the device, and ms of every layer.
        repeats: rounds of the measurement, in which all layers take turns.
    """
    layers = _layers(supernet)
    if not path.exists():
        measured = _measure(supernet, layers, repeats) if hosts.leads() else {}
        records.replace(path, hosts.agreed(json.dumps(measured, indent=1) + "\n"))
    table = json.loads(path.read_text(encoding="utf-8"))
    console.print(
        f"latencies of {len(table['layers'])} layers on {table['device']}; sums of them miss whole "
        f"networks by {100 * table['error']:.0f}% on average",
        soft_wrap=True,
    )
    times, factor = table["layers"], table["factor"]

    @cache
    def price(arch: Arch) -> float:
        widths = supernet.space.widths(arch)
        return factor * sum(times[layer.key(widths)] for layer in layers)

    return price


def _layers(supernet: Supernet) -> list[_Layer]:
    found = []
    for _, module, given, made in calls(supernet.generator, *supernet.shape[:2]):
        if isinstance(module, _TIMED):
            group = getattr(module, "group", None)
            groups = getattr(module, "groups", (group, group))
            found.append(_Layer(module, given.shape, made.shape[-1], groups))
    return found


def _measure(supernet: Supernet, layers: list[_Layer], repeats: int) -> dict[str, Any]:
    single: dict[str, Callable[[], jax.Array]] = {}
    for layer in layers:
        for arch in _choices(supernet, layer):
            widths = supernet.space.widths(arch)
            if (key := layer.key(widths)) not in single:
                single[key] = layer.call(widths)
    console.print(f"measuring the latencies of {len(single)} layers", soft_wrap=True)
    times = {key: t["p50"] for key, t in latency(single, warmup=3, repeats=repeats).items()}
    space, rng = supernet.space, np.random.default_rng(0)
    archs = [space.largest, space.smallest, *(space.sample(rng) for _ in range(WHOLE - 2))]
    whole = {str(i): _whole(supernet, arch) for i, arch in enumerate(archs)}
    measured = [t["p50"] for t in latency(whole, warmup=3, repeats=repeats).values()]
    sums = [sum(times[layer.key(space.widths(arch))] for layer in layers) for arch in archs]
    ratios = np.asarray(measured) / np.asarray(sums)
    factor = float(np.median(ratios[::2]))
    return {
        "device": jax.devices()[0].device_kind,
        "factor": factor,
        "error": float(np.mean(np.abs(factor / ratios[1::2] - 1))),
        "layers": times,
    }


def _choices(supernet: Supernet, layer: _Layer) -> list[Arch]:
    """The architectures that differ in what this layer sees; other slots are at their widest."""
    names = {name for group in layer.groups for name in channels.names(group)}
    space = supernet.space
    seen = [
        choices if names & slot.groups.keys() else choices[:1]
        for slot, choices in zip(space.slots, space.choices, strict=True)
    ]
    return list(product(*seen))


def _whole(supernet: Supernet, arch: Arch) -> Callable[[], jax.Array]:
    generator = supernet.generator
    init = partial(generator.init, widths=supernet.space.widths(arch))
    params = _zeros(jax.eval_shape(init, jax.random.key(0)))
    return partial(compiled(generator), params, jnp.zeros((1, *supernet.shape)))


def _zeros(shapes: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
