"""Data sets by address: `earth`, `folder:DIR`, `tfds:NAME`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from ganc.data.earth import TONES, Tiles, View
from ganc.data.folder import read_folder
from ganc.data.labels import LabelMaps
from ganc.data.pairs import Pair, read_pairs
from ganc.data.pictures import Augmentation, Lazy, Pictures, Size, show_size, to_float
from ganc.data.split import split
from ganc.data.tfds import read_tfds
from ganc.errors import UserError

EARTH: dict[str, tuple[View, View]] = {
    "satellite-relief": ("satellite", "relief"),
    "relief-satellite": ("relief", "satellite"),
    "season": ("satellite", "satellite_other_month"),
    "labels-satellite": ("labels", "satellite"),
    "coarse-satellite": ("satellite_coarse", "satellite"),
}
EARTH_LABELS = LabelMaps(len(TONES), colours=tuple(TONES.values()))
"""Of `earth:labels-satellite`."""
Direction = Literal["ab", "ba"]
"""Which domain is translated into which."""

ALIGNED = "?aligned"
"""After a folder: pictures of equal names in A and B show the same."""
ADDRESSES = (
    *(f"earth:{task}" for task in EARTH),
    "folder:DIR",
    f"folder:DIR{ALIGNED}",
    "tfds:NAME",
    "tfds:NAME@DATA_DIR",
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures of two domains, in three disjoint sets, and how to augment those of training.

    Attributes:
        name: the full address, e.g. "earth:satellite-relief".
        train_a, train_b: to train on.
        search_a, search_b: to score the candidates of a search with.
        report_a, report_b: to report on, and for nothing else.
        paired: whether in every set the i-th picture of b is the truth of the i-th of a.
        augmentation: of the training pictures.
        skipped: paths of undecodable pictures that were left out.
        labels: what the label maps of a hold; None where a holds pictures.
    """

    name: str
    train_a: Pictures
    train_b: Pictures
    search_a: Pictures
    search_b: Pictures
    report_a: Pictures
    report_b: Pictures
    paired: bool
    augmentation: Augmentation
    skipped: tuple[str, ...] = ()
    labels: LabelMaps | None = None

    @property
    def encode(self) -> Callable[[np.ndarray], np.ndarray]:
        """Of a picture or a label map of a, what a generator is given: float32 (h w c)."""
        return to_float if self.labels is None else self.labels.encode

    def turned(self) -> "Dataset":
        """The other direction: what was b is translated into what was a.

        Raises:
            UserError: a holds label maps, which are translated and not drawn.
        """
        if self.labels is not None:
            raise UserError(f"{self.name} has label maps as A, so it takes --direction ab alone")
        sides = {
            f"{part}_{side}": getattr(self, f"{part}_{other}")
            for part in ("train", "search", "report")
            for side, other in ("ab", "ba")
        }
        return replace(self, name=f"{self.name}, B to A", **sides)

    def show(self, encoded: np.ndarray) -> np.ndarray:
        """Pictures (n h w 3) in [-1, 1] of what generators are given, (n h w c)."""
        return encoded if self.labels is None else self.labels.show(encoded)


def open_dataset(
    address: str,
    size: int | Size,
    *,
    paired: bool = False,
    skip_bad: bool = False,
    labels: LabelMaps | None = None,
    crop: Size | None = None,
) -> Dataset:
    """The data set at `address`.

    - `earth:satellite-relief` (or just `earth`), `earth:relief-satellite`, `earth:season`: aligned
      views of the Earth that ship with the package. `earth:labels-satellite`: label maps, and
      `earth:coarse-satellite`: a quarter of the resolution, see `ganc.data.earth`.
    - `folder:DIR`: subfolders trainA and trainB and, for the report, testA and testB, of PNG, JPEG
      and WebP files of any size. `split.split` says what is held out. With `paired`, equal names in
      A and B are a pair; or subfolders train and test hold pictures of A and B side by side; what
      there is of val is searched with, or reported on where there is no test. With
      `labels`, A holds label maps, and trainI and testI their instances where they are asked for.
      `folder:DIR?aligned` says that they are pairs where none are needed: the truth of the
      pictures to report on is then known.
    - `tfds:NAME[@DATA_DIR]`: a set of TensorFlow Datasets with such splits, for instance
      `cycle_gan/horse2zebra`, that was prepared as array_record; needs `ganc[tfds]`.

    Args:
        address: one of the above.
        size: side of the pictures in px, or their height and width.
        paired: whether pairs are needed.
        skip_bad: decode every picture of a folder now, and leave out those that fail
            (`Dataset.skipped`), instead of raising when one turns up in training.
        labels: what the label maps of a hold, where label maps are needed.
        crop: height and width of the windows of those pictures that are trained on; None: training
            pictures are as large as all others, cut out of ones that are a little larger.

    Raises:
        UserError: if the address names nothing, or what it names cannot be read, or are no pairs.

    Example:
        >>> data = open_dataset("earth", 64)
        >>> data.name, data.search_a[0].shape, len(data.search_a) == len(data.search_b)
        ('earth:satellite-relief', (64, 64, 3), True)
    """
    shape = (size, size) if isinstance(size, int) else size
    if min(shape) < 1:
        raise UserError(f"the size of the pictures must be at least 1 px, got {size}")
    if crop and any(window > side for window, side in zip(crop, shape, strict=True)):
        raise UserError(
            f"--crop {show_size(crop)} does not fit into pictures of {show_size(shape)} px"
        )
    scheme, _, rest = address.partition(":")
    if scheme == "earth" and (rest or address == "earth"):
        return _earth(rest or "satellite-relief", shape, crop, labels)
    if scheme == "folder" and rest:
        rest, aligned = rest.removesuffix(ALIGNED), rest.endswith(ALIGNED)
        directory = Path(rest).expanduser()
        if paired or aligned:
            pairs, skipped = read_pairs(directory, skip_bad=skip_bad, labels=labels)
            return _paired(address, _crops(shape, crop), pairs, skipped, labels)
        return _unpaired(address, _crops(shape, crop), *read_folder(directory, skip_bad=skip_bad))
    if scheme == "tfds" and rest:
        if paired:
            raise UserError(f"{address} holds no pairs; give a folder of them, or earth")
        name, _, directory = rest.partition("@")
        return _unpaired(address, _crops(shape, crop), read_tfds(name, directory or None), ())
    hint = (
        f"; did you mean folder:{address}?"
        if address and Path(address).expanduser().is_dir()
        else ""
    )
    raise UserError(f"unknown data set {address!r}; valid are {', '.join(ADDRESSES)}{hint}")


def _earth(task: str, shape: Size, crop: Size | None, labels: LabelMaps | None) -> Dataset:
    if task not in EARTH:
        tasks = ", ".join(f"earth:{name}" for name in EARTH)
        raise UserError(f"unknown data set 'earth:{task}'; valid are {tasks}")
    if shape[0] != shape[1]:
        raise UserError(f"tiles of the Earth are square, got {shape[0]}x{shape[1]} px")
    size, (a, b) = shape[0], EARTH[task]
    found = EARTH_LABELS if a == "labels" else None
    if (labels is None) != (found is None):
        what, wanted = ("label maps", "pictures") if found else ("pictures", "label maps")
        raise UserError(f"earth:{task} holds {what}, and {wanted} are needed")
    if labels and found and labels.channels != found.channels:
        raise UserError(
            f"earth:{task} has {found.classes} classes and no instances, {found.channels} "
            f"channels; expected were {labels.channels}"
        )
    dense, sparse = max(1, size // 32), max(1, size // 4)  # overlapping: the blocks are small
    return Dataset(
        name=f"earth:{task}",
        train_a=Tiles(a, "train", size, dense),
        train_b=Tiles(b, "train", size, dense),
        search_a=Tiles(a, "search", size, sparse),
        search_b=Tiles(b, "search", size, sparse),
        report_a=Tiles(a, "report", size, sparse),
        report_b=Tiles(b, "report", size, sparse),
        paired=True,
        # The relief is shaded by a sun in the north-west: there are no mirrored maps.
        augmentation=Augmentation(shape, crop or shape, flip=False),
        labels=found,
    )


def _unpaired(
    name: str,
    augmentation: Augmentation,
    pictures: Mapping[str, Pictures],
    skipped: tuple[str, ...],
) -> Dataset:
    train_a, search_a, report_a = split(
        f"trainA of {name}", pictures["trainA"], pictures.get("testA")
    )
    train_b, search_b, report_b = split(
        f"trainB of {name}", pictures["trainB"], pictures.get("testB")
    )
    return Dataset(
        name=name,
        train_a=train_a,
        train_b=train_b,
        search_a=search_a,
        search_b=search_b,
        report_a=report_a,
        report_b=report_b,
        paired=False,
        augmentation=augmentation,
        skipped=skipped,
    )


def _paired(
    name: str,
    augmentation: Augmentation,
    pairs: Mapping[str, Sequence[Pair]],
    skipped: tuple[str, ...],
    labels: LabelMaps | None,
) -> Dataset:
    held = (pairs.get("test"), pairs.get("val"))
    sets = [_sides(part) for part in split(f"the pairs of {name}", pairs["train"], *held)]
    (train_a, train_b), (search_a, search_b), (report_a, report_b) = sets
    return Dataset(
        name=name,
        train_a=train_a,
        train_b=train_b,
        search_a=search_a,
        search_b=search_b,
        report_a=report_a,
        report_b=report_b,
        paired=True,
        augmentation=augmentation,
        skipped=skipped,
        labels=labels,
    )


def _sides(pairs: Sequence[Pair]) -> tuple[Pictures, Pictures]:
    """The pictures of a and those of b; who asks for both of a pair has it decoded once."""
    # More than the threads that are at work at once, each on one pair.
    pair = lru_cache(maxsize=4)(lambda i: pairs[i]())

    def side(index: int) -> Pictures:
        return Lazy(range(len(pairs)), lambda i: pair(i)[index])

    return side(0), side(1)


def _crops(shape: Size, crop: Size | None) -> Augmentation:
    if crop:
        return Augmentation(shape, crop, flip=True)
    # The ratio of the reference, which crops 256 px out of 286.
    height, width = (round(side * 286 / 256) for side in shape)
    return Augmentation((height, width), shape, flip=True)
