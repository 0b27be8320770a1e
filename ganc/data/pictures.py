"""Pictures as numpy arrays: resize, crop, flip, and the range of the networks."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

Pictures: TypeAlias = Sequence[np.ndarray]
"""A sequence of uint8 pictures (h w 3), decoded when they are indexed."""


class Lazy(Sequence):
    """The pictures `picture(item)` of `items`, made anew each time one is indexed."""

    def __init__(self, items: Sequence[Any], picture: Callable[[Any], np.ndarray]):
        self._items, self._picture = items, picture

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> np.ndarray:
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
    """Bicubic, as the reference resizes its training pictures."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def augment(
    picture: np.ndarray, rng: np.random.Generator, *, load: int, crop: int, flip: bool
) -> np.ndarray:
    """Resizes to `load` x `load`, cuts a random `crop` x `crop` window, mirrors half of them."""
    picture = resize(picture, load, load)
    top, left = rng.integers(0, load - crop + 1, size=2)
    picture = picture[top : top + crop, left : left + crop]
    return picture[:, ::-1] if flip and rng.random() < 0.5 else picture


def stack(pictures: Pictures, size: int) -> np.ndarray:
    """All `pictures` at `size` x `size`, as one float32 array (n h w 3) in [-1, 1]."""
    if not len(pictures):
        return np.zeros((0, size, size, 3), np.float32)
    return np.stack([to_float(resize(picture, size, size)) for picture in pictures])
