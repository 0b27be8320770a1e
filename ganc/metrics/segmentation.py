"""How well a segmentation network still reads generated pictures: mIoU and pixel accuracy."""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8
from PIL import Image

from ganc.errors import UserError

IGNORED = 255
"""The label of pixels that do not count."""

CITYSCAPES = 19
"""Classes of the Cityscapes benchmark."""


def confusion(
    truth: Integer[np.ndarray, "..."],
    predicted: Integer[np.ndarray, "..."],
    classes: int = CITYSCAPES,
    ignored: int = IGNORED,
) -> Int[np.ndarray, "{classes} {classes}"]:
    """Counts of pixels, (true class, predicted class); those of several pictures add up.

    Args:
        truth: integer labels of any shape, 0 to classes - 1, or `ignored`.
        predicted: labels of the same shape, 0 to classes - 1 wherever the truth counts.
        classes: how many there are.
        ignored: the true label of pixels to leave out.

    Returns: (classes classes) int64.

    Raises:
        UserError: the shapes differ, or a label is none of the classes.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape:
        raise UserError(
            f"expected label maps of one shape, got {truth.shape} and {predicted.shape}"
        )
    counted = truth != ignored
    pairs = [labels[counted].astype(np.int64) for labels in (truth, predicted)]
    for name, labels in zip(("true", "predicted"), pairs, strict=True):
        wrong = labels[(labels < 0) | (labels >= classes)]
        if wrong.size:
            raise UserError(f"a {name} label is {wrong[0]}; valid are 0 to {classes - 1}")
    counts = np.bincount(classes * pairs[0] + pairs[1], minlength=classes**2)
    return counts.reshape(classes, classes)


def miou(
    counts: Int[np.ndarray, "classes classes"], over: Literal["union", "truth"] = "union"
) -> float:
    """The mean intersection over union, in percent, of a confusion matrix of all pictures.

        IoU_c = n_cc / (sum_j n_cj + sum_i n_ic - n_cc)

    Args:
        counts: see `confusion`, summed over the whole set.
        over: the classes that are averaged: those that the truth or a prediction holds (the
            Cityscapes protocol, where the rest is 0 / 0), or those that the truth holds (the
            classes present, as for COCO-Stuff).

    Returns: 0 to 100; NaN where no pixel counts.
    """
    inside = np.diag(counts).astype(np.float64)
    union = counts.sum(axis=0) + counts.sum(axis=1) - inside
    present = (union if over == "union" else counts.sum(axis=1)) > 0
    return float(100 * (inside[present] / union[present]).mean()) if present.any() else float("nan")


def pixel_accuracy(counts: Int[np.ndarray, "classes classes"]) -> float:
    """The share of pixels whose class is right, in percent; NaN where no pixel counts."""
    total = counts.sum()
    return float(100 * np.trace(counts) / total) if total else float("nan")


def cityscapes_labels(
    log_probabilities: Float[np.ndarray, "h w classes"], height: int = 1024, width: int = 2048
) -> UInt8[np.ndarray, "{height} {width}"]:
    """The predicted classes at the size of the Cityscapes truth.

    The map of each class is resized alone, bilinearly by Pillow, before the largest is taken.

    Args:
        log_probabilities: (h w classes) of the network for a picture of its own size, which nothing
            enlarged before.
        height, width: px of the truth.

    Returns: (height width) uint8.

    Reference: the protocol of Li et al. 2020 (arXiv 2003.08936), with DRN-D-105.
    """
    best = np.full((height, width), -np.inf, np.float32)
    labels = np.zeros((height, width), np.uint8)
    for label in range(log_probabilities.shape[-1]):  # one map at a time is in memory
        plane = Image.fromarray(np.ascontiguousarray(log_probabilities[..., label], np.float32))
        large = np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR))
        better = large > best
        best[better], labels[better] = large[better], label
    return labels
