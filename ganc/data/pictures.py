"""Pictures as numpy arrays: resize, crop, flip, and the range of the networks."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from ganc.batching import evenly_spread

Pictures: TypeAlias = Sequence[np.ndarray]
"""A sequence of uint8 pictures (h w 3), or of label maps, decoded when they are indexed. Label maps
are integers: (h w), or (h w 2) with the instances behind the labels."""

Size: TypeAlias = tuple[int, int]
"""Height and width, px."""


def show_size(size: tuple[int, ...]) -> str:
    """The height and width of `size` (h w, perhaps c) as people write them: "64", or "128x256"."""
    height, width = size[:2]
    return str(height) if height == width else f"{height}x{width}"


class Lazy(Sequence):
    """The pictures `picture(item)` of `items`, made anew each time one is indexed."""

    def __init__(self, items: Sequence[Any], picture: Callable[[Any], Any]):
        self._items, self._picture = items, picture

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Any:
        return self._picture(self._items[operator.index(index)])


def to_float(picture: np.ndarray) -> np.ndarray:
    """uint8 in 0..255 to float32 in [-1, 1]."""
    return picture.astype(np.float32) / 127.5 - 1.0


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """[-1, 1] to 0..255, rounded to the nearest.

    Differs from the reference: it truncates, which darkens every picture by half a level.
    """
    return np.clip(np.rint((np.asarray(picture) + 1.0) * 127.5), 0, 255).astype(np.uint8)


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bicubic, as the reference resizes its training pictures; label maps by the nearest."""
    if picture.shape[:2] == (height, width):
        return picture
    if picture.ndim == 2 or picture.shape[2] == 2:  # labels are names, and have no mean
        return picture[_nearest(picture.shape[0], height)][:, _nearest(picture.shape[1], width)]
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def _nearest(old: int, new: int) -> np.ndarray:
    # The middle of each new pixel, as Pillow's nearest.
    return ((np.arange(new) + 0.5) * old / new).astype(int)


def coarsen(pictures: np.ndarray, scale: int) -> np.ndarray:
    """`pictures` (... h w c) with every square of `scale` pixels a side as its mean, as float32."""
    *outer, h, w, c = pictures.shape
    squares = pictures.reshape(*outer, h // scale, scale, w // scale, scale, c)
    means = squares.mean(axis=(-4, -2), keepdims=True, dtype=np.float32)
    return np.broadcast_to(means, squares.shape).reshape(pictures.shape)


@dataclass(frozen=True)
class View:
    """What is taken of a picture: a window, perhaps mirrored, of its resized form.

    Attributes:
        load: height and width to which it is resized.
        top, left: of the window.
        crop: height and width of the window.
        mirrored: from left to right.
    """

    load: Size
    top: int
    left: int
    crop: Size
    mirrored: bool

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The view of `picture` (h w c), or of a label map (h w)."""
        picture = resize(picture, *self.load)
        height, width = self.crop
        picture = picture[self.top : self.top + height, self.left : self.left + width]
        return picture[:, ::-1] if self.mirrored else picture


@dataclass(frozen=True)
class Augmentation:
    """How training pictures are varied.

    Attributes:
        load: height and width to which a picture is resized, px.
        crop: height and width of the random window that is cut out of it.
        flip: whether half of the pictures are mirrored.
    """

    load: Size
    crop: Size
    flip: bool

    def draw(self, rng: np.random.Generator) -> View:
        """One random view, for one picture or for both of a pair."""
        top, left = rng.integers(0, np.subtract(self.load, self.crop) + 1)
        mirrored = self.flip and bool(rng.random() < 0.5)
        return View(self.load, int(top), int(left), self.crop, mirrored)


def stack(
    pictures: Pictures,
    shape: tuple[int, ...],
    encode: Callable[[np.ndarray], np.ndarray] = to_float,
) -> np.ndarray:
    """All `pictures` at `shape` (h, w) as `encode` gives them: one float32 array (n h w c)."""
    height, width = shape[:2]
    if not len(pictures):
        return np.zeros((0, height, width, 3), np.float32)
    return np.stack([encode(resize(picture, height, width)) for picture in pictures])


def some(pictures: Pictures, count: int) -> Pictures:
    """At most `count` pictures, evenly spread; the same places in aligned domains."""
    return [pictures[int(i)] for i in evenly_spread(min(count, len(pictures)), len(pictures))]
