"""Pictures of many architectures at once, on every device: `vmap` over masks in shape classes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from ganc import channels, hosts
from ganc.batching import fill
from ganc.models.statistics import merge
from ganc.search.classes import ShapeClasses
from ganc.types import Arch, Generator, Params


@dataclass(frozen=True)
class Generate:
    """Draws candidates; see `make_generate`.

    Attributes:
        draw: parameters, pictures `x` (n h w c), architectures -> each architecture with its
            pictures of `x`, class by class.
        lower: parameters, `x`, an architecture -> the programs that draw its class, before they are
            compiled.
    """

    draw: Callable[[Params, np.ndarray, Sequence[Arch]], Iterator[tuple[Arch, jax.Array]]]
    lower: Callable[[Params, np.ndarray, Arch], list[jax.stages.Lowered]]

    def __call__(
        self, params: Params, x: np.ndarray, archs: Sequence[Arch]
    ) -> Iterator[tuple[Arch, jax.Array]]:
        """See `draw`."""
        return self.draw(params, x, archs)


def make_generate(
    generator: Generator,
    classes: ShapeClasses,
    batch: int,
    calibration: np.ndarray | None = None,
    inputs: Mapping[str, np.ndarray] = FrozenDict(),
    devices: Sequence[Any] = (),
) -> Generate:
    """`generate(params, x, archs)` yields each architecture with its pictures of `x` (n h w c).

    `generate.lower(params, x, arch)` says by its programs how much memory that takes.

    Architectures come grouped by class; each class is compiled once, however many architectures
    and calls there are. The masks alone are batched, so convolutions keep one kernel and candidates
    become part of the batch.

    Args:
        generator: the supernet.
        classes: of its space.
        batch: pictures in one call on each device, over all its candidates: enough to fill an
            accelerator, and few enough to stay in the cache of a CPU. With more pictures than that,
            a device takes one candidate and a part of them.
        calibration: pictures (m h w c) with which the running statistics of every candidate are
            measured before its pictures are made, where the generator has any: those that a
            supernet measured belong to no architecture. As many candidates as share a call are
            measured in one.
        inputs: what else the family takes for the pictures, in as many rows (n ...).
        devices: that share the candidates of a call; all local ones by default.

    Raises:
        ValueError: the generator has running statistics and there is nothing to measure them with.

    Reference: Li et al. 2020 (arXiv 2003.08936) recalibrate before every evaluation.
    """
    if generator.statistics and calibration is None:
        raise ValueError("candidates with running statistics need pictures for their calibration")
    space = classes.space

    def measure(params, x, masks, shape):
        params = channels.slice_params(params, generator.axes, channels.prefix(shape))
        return jax.vmap(
            lambda m: generator.apply(params, x, widths=shape, masks=m, momentum=1.0).statistics
        )(masks)

    def forward(params, x, masks, statistics, options, shape):
        params = channels.slice_params(params, generator.axes, channels.prefix(shape))

        def apply(masks, statistics):
            whole = merge(params, statistics)
            return generator.apply(whole, x, widths=shape, masks=masks, **options).image

        return jax.vmap(apply)(masks, statistics)

    devices = devices or jax.local_devices()
    mesh = Mesh(np.asarray(devices), ("candidates",))
    # Candidates are the leading axis of masks, statistics and results.
    measured = _spread(measure, mesh, (False, False, True))
    compiled = _spread(forward, mesh, (False, False, True, True, False))

    def placed(params: Params) -> Params:
        if mesh.size == 1:
            return params
        # Training may have left them on one device.
        return jax.device_put(params, NamedSharding(mesh, P()))

    def split(x: np.ndarray) -> tuple[list[jax.Array], list[dict[str, jax.Array]]]:
        """Parts of one size, each with what the family takes beside it."""
        parts = -(-len(x) // batch)
        size = -(-len(x) // parts)
        pictures, *more = (
            jnp.split(fill(jnp.asarray(rows), parts * size), parts)
            for rows in (x, *inputs.values())
        )
        options = [dict(zip(inputs, rows, strict=True)) for rows in zip(*more, strict=True)]
        return pictures, options or [{}] * parts

    def in_call(x: np.ndarray) -> int:
        return max(1, batch // len(x)) * len(devices)

    def draw(params: Params, x: np.ndarray, archs: Sequence[Arch]):
        params, (pictures, options), chunk = placed(params), split(x), in_call(x)
        groups: dict[Arch, list[Arch]] = {}
        for arch in archs:
            groups.setdefault(classes.containing(arch), []).append(arch)
        for shape_arch, members in groups.items():
            shape = space.widths(shape_arch)
            for start in range(0, len(members), chunk):
                some = members[start : start + chunk]
                # One shape, one compilation: the last call repeats its last candidate.
                masks = space.masks(some + some[-1:] * (chunk - len(some)), shape)
                statistics = {}
                if generator.statistics:
                    statistics = measured(params, calibration, masks, shape=shape)
                images = [
                    compiled(params, part, masks, statistics, given, shape=shape)
                    for part, given in zip(pictures, options, strict=True)
                ]
                whole = images[0]
                if len(images) > 1:
                    whole = jnp.concatenate(images, axis=1)[:, : len(x)]
                yield from zip(some, whole, strict=False)

    def lower(params: Params, x: np.ndarray, arch: Arch) -> list[jax.stages.Lowered]:
        params, (pictures, options) = placed(params), split(x)
        shape = space.widths(classes.containing(arch))
        masks, statistics, programs = space.masks([arch] * in_call(x), shape), {}, []
        if generator.statistics:
            programs = [measured.lower(params, calibration, masks, shape=shape)]
            statistics = programs[0].out_info
        given = (params, pictures[0], masks, statistics, options[0])
        return [*programs, compiled.lower(*given, shape=shape)]

    return Generate(draw, lower)


def _spread(function: Callable, mesh: Mesh, split: Sequence[bool]) -> Any:
    """`function(*args, shape=...)`, compiled, with the leading axes of some arguments split."""
    if mesh.size == 1:
        return jax.jit(function, static_argnames="shape")
    specs = tuple(P("candidates") if yes else P() for yes in split)

    def call(*args, shape):
        return jax.shard_map(
            partial(function, shape=shape),
            mesh=mesh,
            in_specs=specs,
            out_specs=P("candidates"),
            check_vma=False,
        )(*args)

    return jax.jit(call, static_argnames="shape")


def make_evaluate(
    generate: Generate,
    params: Params,
    x: np.ndarray,
    score: Callable[[jax.Array], float],
    group: Callable[[Arch], Any] = lambda arch: None,
) -> Callable[[Sequence[Arch]], list[float]]:
    """Scores architectures by their pictures: `evaluate(archs) -> scores`, in the same order.

    Each of several processes draws and scores its part on its own devices, and all get the scores
    of all. `group` says which architectures share calls, so that each gets as many of every group.
    """

    def evaluate(archs: Sequence[Arch]) -> list[float]:
        parts = divide(archs, group, hosts.count())
        mine = parts[hosts.index()]
        scores = {arch: score(images) for arch, images in generate(params, x, mine)}
        found = hosts.gather(np.array([scores[arch] for arch in mine], np.float64))
        known = dict(zip((arch for part in parts for arch in part), found.tolist(), strict=True))
        return [known[arch] for arch in archs]

    return evaluate


def divide(archs: Sequence[Arch], group: Callable[[Arch], Any], processes: int) -> list[list[Arch]]:
    """The architectures without repetitions, in `processes` parts, each with its share of a group.

    Example:
        >>> divide([(8,), (1,), (9,), (2,)], lambda arch: arch[0] > 4, 2)
        [[(8,), (1,)], [(9,), (2,)]]
    """
    groups: dict[Any, list[Arch]] = {}
    for arch in dict.fromkeys(archs):
        groups.setdefault(group(arch), []).append(arch)
    ordered = [arch for members in groups.values() for arch in members]
    return [ordered[process::processes] for process in range(processes)]
