"""How well a segmentation network reads pictures: mIoU of Cityscapes."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from ganc.data.batches import prefetch
from ganc.errors import UserError
from ganc.features import drn
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.protocol import Protocol, Value
from ganc.metrics.segmentation import (
    CITYSCAPES,
    cityscapes_labels,
    confusion,
    miou,
    pixel_accuracy,
)
from ganc.scores.sets import PictureSet


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A network that gives every pixel a class.

    Attributes:
        protocol: its name and the hash of its weights: `drn-d-105:1a2b3c4d`.
        read: a picture (h w 3), uint8 or float32 in [-1, 1], to log-probabilities (h w 19).
    """

    protocol: str
    read: Callable[[np.ndarray], np.ndarray]


def drn_segmenter(path: Path) -> Segmenter:
    """DRN-D-105, from a file that the user has; see `ganc.features.drn`.

    Raises:
        UserError: the file cannot be read, or holds another network.
    """
    params, logits = drn.load(path), jax.jit(drn.logits)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return Segmenter(f"drn-d-105:{digest}", lambda x: np.asarray(logits(params, x[None])[0]))


def segmentation(
    pictures: PictureSet,
    labels: Sequence[Path],
    segmenter: Segmenter,
    bootstrap: Bootstrap,
    *,
    tick: Callable[[int], object] = lambda count: None,
) -> dict[str, Value]:
    """Mean IoU and pixel accuracy by the protocol of Cityscapes, with intervals over pictures.

    Args:
        pictures: to score.
        labels: for each of them, in the same order, a picture of train ids.
        segmenter: the network, which sees pictures at their own size.
        bootstrap: of the intervals.
        tick: called with the number of pictures that are newly done.

    Raises:
        UserError: a picture cannot be decoded, or a label is none.
    """
    counts = []

    def read(i: int) -> tuple[np.ndarray, np.ndarray]:
        return pictures.read(i), read_labels(labels[i])

    for picture, truth in prefetch(read, 0, pictures.count):
        predicted = cityscapes_labels(segmenter.read(picture), *truth.shape)
        counts.append(confusion(truth, predicted))
        tick(1)
    every = np.stack(counts)
    counted = bootstrap.draws(len(every)) if len(every) > 1 else ()
    draws = [every[places].sum(axis=0) for (places,) in counted]
    return {
        str(Protocol(key, str(pictures), "labels", (segmenter.protocol,))): _value(
            metric(every.sum(axis=0)), [metric(drawn) for drawn in draws], bootstrap
        )
        for key, metric in {"miou": miou, "accuracy": pixel_accuracy}.items()
    }


def read_labels(path: Path) -> np.ndarray:
    """The train ids of a label picture, uint8 (h w).

    Raises:
        UserError: it cannot be decoded, or has several channels.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            labels = np.asarray(image)
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise UserError(f"cannot decode the labels {path}: {error}") from error
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise UserError(
            f"{path} holds {labels.dtype} {labels.shape}; labels are PNG pictures of one channel "
            f"of 8 bits, the train ids 0 to {CITYSCAPES - 1} or 255"
        )
    return labels


def _value(value: float, drawn: list[float], bootstrap: Bootstrap) -> Value:
    if not drawn or not np.isfinite(drawn).all():
        return Value(value)
    return Value(value, bootstrap.interval(drawn), str(bootstrap))
