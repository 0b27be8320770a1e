"""How near the pictures of a folder are to the true ones, found by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np

from ganc.data.batches import prefetch
from ganc.data.pictures import to_float
from ganc.errors import UserError
from ganc.features import lpips
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.protocol import Protocol, Value
from ganc.metrics.similarity import WINDOW, l1_each, psnr_each, ssim_each
from ganc.scores.extractor import foreign
from ganc.scores.folder import Folder, pairs

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Pictures (n h w 3) in [-1, 1] of both sides to values (n)."""

METRICS: dict[str, Metric] = {"l1": l1_each, "psnr": psnr_each, "ssim": ssim_each}
"""What needs no weights: in units of the full range; in dB over 255; of 1."""


VGG16, LINEAR = "397923af", "a78928a0"
"""How the published files begin, hashed."""


def lpips_metric(vgg16: Path, linear: Path) -> dict[str, Metric]:
    """LPIPS with VGG-16, from two files that the user has; see `ganc.features.lpips`.

    Raises:
        UserError: a file cannot be read, or holds something else.
    """
    params, distance = lpips.load(vgg16, linear), jax.jit(lpips.distance)
    name = f"lpips,vgg{foreign(vgg16, VGG16)}{foreign(linear, LINEAR)}"
    return {name: lambda x, y: np.asarray(distance(params, x, y))}


def paired(
    folder: Folder,
    truth: Folder,
    bootstrap: Bootstrap,
    *,
    metrics: Mapping[str, Metric] = METRICS,
    names: tuple[str, str] = ("generated", "truth"),
    tick: Callable[[int], object] = lambda count: None,
) -> dict[str, Value]:
    """The mean of every metric over all pairs, by protocol.

    Args:
        folder: the pictures to score.
        truth: for each of them a picture of the same name and size, and no other.
        bootstrap: of the intervals over pairs.
        metrics: name, and behind commas its settings -> metric.
        names: of both sets, for the protocol.
        tick: called with the number of pairs that are newly done.

    Raises:
        UserError: a picture has no partner, or one of another size, or cannot be decoded.
    """
    places = pairs(folder, truth)

    def measure(step: int) -> list[float]:
        i, j = places[step]
        x, y = folder.read(i), truth.read(j)
        if x.shape != y.shape or min(x.shape[:2]) < WINDOW:
            raise UserError(
                f"{folder.files[i]} is {x.shape[1]}x{x.shape[0]} px and {truth.files[j]} "
                f"{y.shape[1]}x{y.shape[0]}; pairs need one size of {WINDOW}x{WINDOW} px or more"
            )
        return [
            float(metric(to_float(x)[None], to_float(y)[None])[0]) for metric in metrics.values()
        ]

    rows = []
    for row in prefetch(measure, 0, len(places)):
        rows.append(row)
        tick(1)
    columns = np.array(rows).T
    return {
        _protocol(key, f"{names[0]}{len(places)}", names[1]): _value(values, bootstrap)
        for key, values in zip(metrics, columns, strict=True)
    }


def _value(values: np.ndarray, bootstrap: Bootstrap) -> Value:
    interval = bootstrap.mean_interval(values)
    return Value(
        float(values.mean()), (len(values),), interval, "" if interval is None else str(bootstrap)
    )


def _protocol(key: str, left: str, right: str) -> str:
    metric, *settings = key.split(",")
    return str(Protocol(metric, left, right, tuple(settings)))
