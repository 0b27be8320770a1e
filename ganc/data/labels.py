"""Label maps as input of a generator: one channel per class, and one for the edges of objects."""

import colorsys
from dataclasses import dataclass

import numpy as np

from ganc.errors import UserError


@dataclass(frozen=True)
class LabelMaps:
    """What the label maps of a data set hold, how a generator is given them, how people see them.

    Attributes:
        classes: see `one_hot`.
        dontcare: see `one_hot`.
        instances: whether maps are (h w 2), with the instances behind the labels, and not (h w).
        colours: of each class, in 0..255; by default colours of their own, as far apart as can be.
    """

    classes: int
    dontcare: int | None = None
    instances: bool = False
    colours: tuple[tuple[int, int, int], ...] = ()

    @property
    def channels(self) -> int:
        """Channels of what a generator is given."""
        return self.classes + (self.dontcare is not None) + self.instances

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """What a generator is given, float32 (h w channels), of a map (h w) or (h w 2)."""
        if not self.instances:
            return encode(labels, None, self.classes, self.dontcare)
        if labels.ndim != 3 or labels.shape[2] != 2:
            raise UserError(f"expected maps of labels and instances (h w 2), got {labels.shape}")
        return encode(labels[..., 0], labels[..., 1], self.classes, self.dontcare)

    def show(self, encoded: np.ndarray) -> np.ndarray:
        """Pictures (n h w 3) in [-1, 1] of what `encode` gave, (n h w channels)."""
        # The golden section of the circle never comes back near where it was.
        hues = [i * 0.618 % 1 for i in range(self.classes)]
        own = [[255 * x for x in colorsys.hsv_to_rgb(hue, 0.6, 0.9)] for hue in hues]
        table = np.asarray([*(self.colours or own), (0, 0, 0)], np.float32) / 127.5 - 1
        known = encoded[..., : self.classes]
        return table[np.where(known.any(-1), known.argmax(-1), self.classes)]


def one_hot(labels: np.ndarray, classes: int, dontcare: int | None = None) -> np.ndarray:
    """One channel per class, 1 where the pixel is of it.

    Args:
        labels: (h w), integers in 0..classes - 1, or `dontcare`.
        classes: 35 for Cityscapes, 182 for COCO-Stuff.
        dontcare: the label of pixels of no known class, outside 0..classes - 1; they get a channel
            of their own, the last.

    Returns: float32 (h w classes), or (h w classes + 1) with `dontcare`.

    Raises:
        UserError: a label is out of range, or `dontcare` is in it.
    """
    _check_map(labels, "labels")
    known = np.arange(classes)
    if dontcare is not None:
        if dontcare in known:
            raise UserError(f"dontcare must lie outside 0..{classes - 1}, got {dontcare}")
        known = np.append(known, dontcare)
    strange = np.setdiff1d(labels, known)
    if strange.size:
        valid = f"0..{classes - 1}" + (f" or {dontcare}" if dontcare is not None else "")
        raise UserError(f"labels must be {valid}, got {', '.join(map(str, strange[:5]))}")
    return (labels[..., None] == known).astype(np.float32)


def edges(instances: np.ndarray) -> np.ndarray:
    """1 where the instance of a pixel differs from that of one of its four neighbours.

    Both pixels of a differing pair are marked.

    Args:
        instances: (h w), integers.

    Returns: float32 (h w 1).
    """
    _check_map(instances, "instances")
    result = np.zeros(instances.shape, np.float32)
    down = instances[1:] != instances[:-1]
    right = instances[:, 1:] != instances[:, :-1]
    for side, differs in (
        (result[1:], down),
        (result[:-1], down),
        (result[:, 1:], right),
        (result[:, :-1], right),
    ):
        side[differs] = 1
    return result[..., None]


def encode(
    labels: np.ndarray,
    instances: np.ndarray | None,
    classes: int,
    dontcare: int | None = None,
) -> np.ndarray:
    """The input of a GauGAN generator: `one_hot` of the labels, then `edges` of the instances.

    Cityscapes has 35 + 1 channels, COCO-Stuff 182 + 1 + 1.

    Args:
        labels: (h w), integers; resized by nearest neighbour, if at all.
        instances: (h w), integers; without it there is no channel of edges.
        classes: as in `one_hot`.
        dontcare: as in `one_hot`.

    Returns: float32 (h w channels).

    Raises:
        UserError: a label is out of range, or the maps differ in size.

    Reference: Park et al. 2019 (arXiv 1903.07291).

    Example:
        >>> street = np.array([[0, 0], [1, 1]])
        >>> cars = np.array([[0, 0], [7, 8]])
        >>> encode(street, cars, classes=2)[1]
        array([[0., 1., 1.],
               [0., 1., 1.]], dtype=float32)
    """
    classified = one_hot(labels, classes, dontcare)
    if instances is None:
        return classified
    if instances.shape != labels.shape:
        raise UserError(f"instances are {instances.shape}, expected {labels.shape} as the labels")
    return np.concatenate([classified, edges(instances)], axis=-1)


def _check_map(array: np.ndarray, what: str) -> None:
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise UserError(f"{what} must be integers (h w), got {array.dtype} {array.shape}")
