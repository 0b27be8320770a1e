"""Named sets of pictures, wherever they come from: what scores are taken of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ganc.data.pictures import to_float


def as_floats(picture: np.ndarray) -> np.ndarray:
    """A picture (h w 3), uint8 or float32 in [-1, 1], as float32 in [-1, 1]."""
    return to_float(picture) if picture.dtype == np.uint8 else picture


@dataclass(frozen=True, eq=False)
class PictureSet:
    """A set of pictures as a protocol names it, read one by one.

    Attributes:
        name: `generated`, `real`, `report`.
        count: pictures.
        read: index -> picture (h w 3), uint8 or float32 in [-1, 1]; several threads call it.
        label: index -> what an error message calls that picture.
        sha256: a hash of all pictures, where they have one: without, nothing is cached.
    """

    name: str
    count: int
    read: Callable[[int], np.ndarray]
    label: Callable[[int], str]
    sha256: Callable[[], str] | None = None

    def __str__(self) -> str:
        return f"{self.name}{self.count}"


def array_set(name: str, pictures: np.ndarray) -> PictureSet:
    """The set of `pictures` in memory: (n h w 3), float32 in [-1, 1] or uint8."""
    return PictureSet(
        name, len(pictures), pictures.__getitem__, lambda index: f"picture {index} of {name}"
    )
