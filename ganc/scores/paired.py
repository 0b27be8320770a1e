"""How near pictures are to those that they should be, pair by pair."""

from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from ganc import hosts
from ganc.data.batches import prefetch
from ganc.errors import UserError
from ganc.features import lpips
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.protocol import Protocol, Value
from ganc.metrics.similarity import WINDOW, l1_each, psnr_each, ssim_each
from ganc.scores.extractor import unpublished_suffix
from ganc.scores.sets import PictureSet, as_floats

PairMetric = Callable[[np.ndarray, np.ndarray], Float[np.ndarray, " n"]]
"""Pictures (n h w 3) in [-1, 1] of both sides to values (n)."""

METRICS: dict[str, PairMetric] = {"l1": l1_each, "psnr": psnr_each, "ssim": ssim_each}
"""What needs no weights: in units of the full range; in dB over 255; of 1."""

VGG16, LINEAR = "397923af", "a78928a0"
"""How the published files begin, hashed."""


def lpips_metric(vgg16: Path, linear: Path) -> dict[str, PairMetric]:
    """LPIPS with VGG-16, from two files that the user has; see `ganc.features.lpips`.

    Raises:
        UserError: a file cannot be read, or holds something else.
    """
    params, distance = lpips.load(vgg16, linear), jax.jit(lpips.distance)
    suffix = f"{unpublished_suffix(vgg16, VGG16)}{unpublished_suffix(linear, LINEAR)}"
    return {f"lpips,vgg{suffix}": lambda x, y: np.asarray(distance(params, x, y))}


def paired(
    pictures: PictureSet,
    others: PictureSet,
    metrics: Mapping[str, PairMetric],
    bootstrap: Bootstrap,
    *,
    settings: tuple[str, ...] = (),
    tick: Callable[[int], object] = lambda count: None,
) -> dict[str, Value]:
    """The mean of every metric over all pairs, by protocol.

    Args:
        pictures: to score.
        others: the partner of each, in the same order and of the same size.
        metrics: name, and behind commas its settings -> metric.
        bootstrap: of the intervals over pairs.
        settings: what the protocol says of the pictures behind those of the metric: `last`.
        tick: called with the number of pairs that are newly done.

    Raises:
        UserError: a picture has no partner, or one of another size, or cannot be decoded.
    """
    if pictures.count != others.count:
        raise UserError(f"expected a partner for each picture, got {pictures} and {others}")
    least = WINDOW if "ssim" in metrics else 1

    def measure(i: int) -> list[float]:
        x, y = pictures.read(i), others.read(i)
        if x.shape != y.shape or min(x.shape[:2]) < least:
            raise UserError(
                f"{pictures.label(i)} is {x.shape[1]}x{x.shape[0]} px and {others.label(i)} "
                f"{y.shape[1]}x{y.shape[0]}; pairs need one size of {least}x{least} px or more"
            )
        x, y = as_floats(x)[None], as_floats(y)[None]
        return [float(metric(x, y)[0]) for metric in metrics.values()]

    rows, mine = [], hosts.share(pictures.count)
    for row in prefetch(measure, mine.start, mine.stop):
        rows.append(row)
        tick(1)
    columns = hosts.gather(np.array(rows, np.float64).reshape(len(rows), len(metrics))).T

    def protocol(key: str) -> str:
        metric, *own = key.split(",")
        return str(Protocol(metric, str(pictures), others.name, (*own, *settings)))

    return {
        protocol(key): _mean(values, bootstrap)
        for key, values in zip(metrics, columns, strict=True)
    }


def _mean(values: Float[np.ndarray, " n"], bootstrap: Bootstrap) -> Value:
    interval = bootstrap.mean_interval(values)
    how = "" if interval is None else str(bootstrap)
    return Value(float(values.mean()), interval, how)
