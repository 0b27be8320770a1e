"""Running statistics: the part of the parameters that training measures and does not learn."""

import io
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.errors import UserError
from ganc.runs import records
from ganc.types import Discriminator, Generator, Masks, Params

MOMENTUM = 0.1
"""By which running statistics move towards those of a batch, in every published training."""

CALIBRATION = "calibration.npz"
"""The file of a run that keeps the pictures with which its subnets are recalibrated."""


def keep_calibration(directory: Path, pictures: np.ndarray) -> None:
    """Writes `pictures` (n h w c), for `read_calibration`."""
    file = io.BytesIO()
    np.savez_compressed(file, pictures=pictures)
    records.replace(directory / CALIBRATION, file.getvalue())


def read_calibration(directory: Path) -> np.ndarray:
    """The pictures (n h w c) that a run recalibrates with.

    Raises:
        UserError: it kept none.
    """
    path = directory / CALIBRATION
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return arrays["pictures"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: no pictures to measure running statistics with; a run leaves them beside its "
            "search"
        ) from error


def merge(params: Params, statistics: Params) -> Params:
    """`params` with the `statistics` that a call with `momentum` returned in place of their own."""
    # What is empty, such as adaptors where nothing is distilled, belongs to the structure too.
    flat: dict[str, Any] = dict(flatten_dict(params, sep="/", keep_empty_nodes=True))
    return unflatten_dict(flat | flatten_dict(statistics, sep="/"), sep="/")


def apply_each(
    network: Generator | Discriminator, params: Params, pictures: Sequence[jax.Array]
) -> tuple[list[Any], Params]:
    """The outputs for each of several batches (b h w c), as the network trains.

    Where the network sees every picture by itself this is one call of all batches joined. Where it
    has statistics of a batch, the batches are kept apart, one after the other, as they would be in
    calls of their own.

    Returns: an `Output` or a `Verdict` for each batch, and the statistics after all of them.
    """
    if not network.statistics:
        joined = network.apply(params, jnp.concatenate(pictures), momentum=MOMENTUM)
        ends = np.cumsum([0, *map(len, pictures)])
        spans = [slice(start, end) for start, end in zip(ends, ends[1:], strict=False)]
        return [jax.tree.map(lambda y, at=at: y[at], joined) for at in spans], FrozenDict()
    outputs = []
    for batch in pictures:
        outputs.append(network.apply(params, batch, momentum=MOMENTUM))
        params = merge(params, outputs[-1].statistics)
    return outputs, outputs[-1].statistics


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
    over the batches, and so are unbiased variances, to which the variance of the means is added.
    For the first norm this is the statistics of all pictures at once, but for a factor of the
    variance within 1 / n of 1, where a batch has n positions; later norms see what was normalised
    batch by batch.

    Compiles once per generator and shapes, for any number of architectures.

    Args:
        generator: whose parameters they are.
        params: full, or sliced.
        batches: pictures (b h w c), all of the same size. Channels that the masks leave out keep
            their statistics, and so do the vectors of spectral norms.
        masks: the architecture, if `params` are those of a supernet.
        inputs: what else the family takes.

    Raises:
        ValueError: there are no batches, or they differ in size.

    Reference: Li et al. 2020 (arXiv 2003.08936) recalibrate before every evaluation.

    Differs from the reference: its released code keeps the statistics of the last batch alone,
    because a flag that it sets at the first batch is never reset.
    """
    if not generator.statistics:
        return params
    found: list[dict[str, Any]] = []
    shapes = set()
    for batch in batches:
        found.append(_measure(generator, params, batch, masks, inputs))
        shapes.add(batch.shape)
    if not found:
        raise ValueError("there are no pictures to measure the statistics with")
    if len(shapes) > 1:
        raise ValueError(f"batches must have the same size, got {sorted(shapes)}")
    return merge(params, unflatten_dict(_pool(found), sep="/"))


@partial(jax.jit, static_argnames="generator")
def _measure(
    generator: Generator,
    params: Params,
    x: jax.Array,
    masks: Masks | None,
    inputs: Mapping[str, Any],
) -> dict[str, Any]:
    output = generator.apply(params, x, masks=masks, momentum=1.0, **inputs)
    flat: dict[str, Any] = flatten_dict(output.statistics, sep="/")
    return {name: leaf for name, leaf in flat.items() if name.endswith(("/mean", "/var"))}


def _pool(found: list[dict[str, Any]]) -> dict[str, Any]:
    stacked = {name: jnp.stack([each[name] for each in found]) for name in found[0]}
    pooled = {name: values.mean(axis=0) for name, values in stacked.items()}
    for name in pooled:
        if name.endswith("/var"):
            pooled[name] += stacked[f"{name.removesuffix('var')}mean"].var(axis=0)
    return pooled
