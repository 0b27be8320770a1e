"""Aligned views of the Earth, shipped with the package: a real task that needs no download.

Three equirectangular mosaics of latitude 75 to -56 at 4096 x 1490 px: a satellite picture, the same
of another month, and a shaded relief map. Tiles of one view translate into tiles of another, with
the truth known for scoring. `earth_pack/PROVENANCE.md` says where they come from.

A fourth view, `labels`, is made of the relief map: a label map of the ten classes of `TONES`. The
map tints sea by its depth and land by its height and its cover, and shades the slopes. A median
over 5x5 px takes most of the shading off; then a pixel is of the class whose tone is nearest in
RGB, among the three of the sea where it is water and the seven of the land where it is not.

A fifth, `satellite_coarse`, holds the tiles of the satellite picture at a quarter of their
resolution: the mean of every 4x4 px, at the size of the tile.
"""

import operator
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from ganc.data.pictures import coarsen
from ganc.errors import UserError

View = Literal["satellite", "satellite_other_month", "relief", "labels", "satellite_coarse"]
Split = Literal["train", "search", "report"]

# Blocks of 15 degrees of longitude, counted from 180 W. Splitting by block and not by tile keeps
# neighbours, which share rivers and coasts, on one side.
BLOCKS = 24
SPLITS: dict[str, tuple[int, ...]] = {
    "search": (5, 14, 18),  # 105 to 90 W, 30 to 45 E, 90 to 105 E
    "report": (4, 7, 12, 16, 20),  # 120-105 W, 75-60 W, 0-15 E, 60-75 E, 120-135 E
}
SPLITS["train"] = tuple(
    block for block in range(BLOCKS) if block not in SPLITS["search"] + SPLITS["report"]
)
TONES: dict[str, tuple[int, int, int]] = {
    "deep sea": (120, 167, 205),
    "shelf": (157, 189, 212),
    "coastal sea": (197, 218, 236),
    "lowland forest": (131, 168, 155),
    "lowland": (147, 177, 167),
    "plain": (166, 185, 174),
    "dark desert": (172, 166, 154),
    "upland": (189, 181, 167),
    "highland": (203, 193, 175),
    "ice and peaks": (200, 203, 200),
}
"""The classes of the view `labels`, with their colours in the relief map: the centres that k-means
finds in its sea and in its land. The names are what mostly lies there."""
SEAS = 3
"""The first so many of `TONES` are water."""
COARSE = 4
"""Pixels a side whose mean is one pixel of `satellite_coarse`."""
LAND = 0.25
"""Tiles with less land than this are left out: the open sea teaches nothing."""
SPAN = 128
"""The least that a tile spans, in px of the mosaics: 11 degrees. Smaller tiles are shrunk from it.

A generator with instance norm does not see the mean colour of a picture, so it cannot tell a tile
of nothing but forest from one of nothing but desert. At 64 px without shrinking, even training on
pairs stays at an L1 of 0.070 (0.080 for the mean picture); shrunk from 128 px, it reaches 0.056 in
the same 750 steps."""


@cache
def _mosaic(view: View, shrink: int) -> np.ndarray:
    if view == "labels":
        return _classify(_mosaic("relief", shrink))
    with resources.files("ganc.data").joinpath(f"earth_pack/{view}.jpg").open("rb") as file:
        picture = Image.open(file).convert("RGB")
    size = (picture.width // shrink, picture.height // shrink)
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS))  # read-only, as every tile


def _shrink(size: int) -> int:
    return max(1, SPAN // size)


def _is_land(relief: np.ndarray) -> np.ndarray:
    # The relief map paints water, and only water, in blue tones.
    red, green, blue = np.moveaxis(relief.astype(np.int16), -1, 0)
    return (blue - red < 8) | (green > blue + 2)


def _classify(relief: np.ndarray) -> np.ndarray:
    """The relief map (h w 3) as labels (h w), uint8."""
    smooth = np.asarray(Image.fromarray(relief).filter(ImageFilter.MedianFilter(5)), np.int32)
    land = _is_land(relief)
    labels = np.zeros(land.shape, np.uint8)
    least = np.full(land.shape, np.iinfo(np.int32).max)
    for label, tone in enumerate(TONES.values()):
        distance = np.square(smooth - tone).sum(-1)
        nearer = (distance < least) & (land == (label >= SEAS))
        labels[nearer], least[nearer] = label, distance[nearer]
    labels.flags.writeable = False
    return labels


@cache
def _land_integral(shrink: int) -> np.ndarray:
    land = _is_land(_mosaic("relief", shrink))
    return np.pad(land.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _spans(split: Split, width: int) -> list[tuple[int, int]]:
    """Columns of each run of adjacent blocks."""
    spans: list[tuple[int, int]] = []
    for block in SPLITS[split]:
        first, last = -(-block * width // BLOCKS), (block + 1) * width // BLOCKS
        if spans and first - spans[-1][1] <= 1:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return spans


@cache
def positions(split: Split, size: int, stride: int) -> np.ndarray:
    """Top left corners (n 2) of the tiles of `size` px with enough land, every `stride` px.

    Both count px of the mosaics at the scale of `size`.

    Raises:
        UserError: if no tile of that size lies within the blocks of the split.
    """
    total = _land_integral(_shrink(max(1, size)))
    height, width = total.shape[0] - 1, total.shape[1] - 1
    spans = _spans(split, width)
    largest = min(height, max(last - first for first, last in spans))
    if not 1 <= size <= largest:
        raise UserError(
            f"no tile of {size} px fits into the {split} blocks of the Earth pack; "
            f"sizes from 1 to {largest} px do"
        )
    corners = []
    for first, last in spans:
        if last - first < size:
            continue
        y, x = np.mgrid[0 : height - size + 1 : stride, first : last - size + 1 : stride]
        y, x = y.ravel(), x.ravel()
        land = total[y + size, x + size] - total[y, x + size] - total[y + size, x] + total[y, x]
        corners.append(np.stack([y, x], 1)[land >= LAND * size**2])
    found = np.concatenate(corners)
    found.flags.writeable = False  # it is cached
    return found


class Tiles(Sequence):
    """The tiles of one view in one split; the same index is the same place in every view."""

    def __init__(self, view: View, split: Split, size: int, stride: int):
        if view == "satellite_coarse" and size % COARSE:
            raise UserError(f"sides of coarse tiles are multiples of {COARSE} px, got {size}")
        self._view: View = view
        self._size = size
        self._corners = positions(split, size, stride)

    def __len__(self) -> int:
        return len(self._corners)

    def __getitem__(self, index: int) -> np.ndarray:
        y, x = self._corners[operator.index(index)]
        coarse = self._view == "satellite_coarse"
        view: View = "satellite" if coarse else self._view
        tile = _mosaic(view, _shrink(self._size))[y : y + self._size, x : x + self._size]
        return np.rint(coarsen(tile, COARSE)).astype(np.uint8) if coarse else tile
