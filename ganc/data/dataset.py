"""Data sets by address: `earth`, `folder:DIR`, `tfds:NAME`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganc.data.earth import Tiles, View
from ganc.data.folder import read_folder
from ganc.data.pictures import Pictures
from ganc.data.split import split
from ganc.data.tfds import read_tfds
from ganc.errors import UserError

EARTH: dict[str, tuple[View, View]] = {
    "satellite-relief": ("satellite", "relief"),
    "relief-satellite": ("relief", "satellite"),
    "season": ("satellite", "satellite_other_month"),
}
ADDRESSES = (*(f"earth:{task}" for task in EARTH), "folder:DIR", "tfds:NAME", "tfds:NAME@DATA_DIR")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures of two domains, in three disjoint sets, and how to augment those of training.

    Attributes:
        name: the full address, e.g. "earth:satellite-relief".
        train_a, train_b: to train on.
        search_a, search_b: to score the candidates of a search with.
        report_a, report_b: to report on, and for nothing else.
        paired: whether `search_b[i]` and `report_b[i]` are the truth of `search_a[i]` and
            `report_a[i]`.
        load, crop: side lengths in px, and
        flip: whether a mirrored picture is one of its domain; see `pictures.augment`.
        skipped: paths of undecodable pictures that were left out.
    """

    name: str
    train_a: Pictures
    train_b: Pictures
    search_a: Pictures
    search_b: Pictures
    report_a: Pictures
    report_b: Pictures
    paired: bool
    load: int
    crop: int
    flip: bool
    skipped: tuple[str, ...] = ()


def open_dataset(address: str, size: int, *, skip_bad: bool = False) -> Dataset:
    """The data set at `address`.

    - `earth:satellite-relief` (or just `earth`), `earth:relief-satellite`, `earth:season`: aligned
      views of the Earth that ship with the package.
    - `folder:DIR`: subfolders trainA and trainB and, for the report, testA and testB, of PNG, JPEG
      and WebP files of any size. `split.split` says what is held out.
    - `tfds:NAME[@DATA_DIR]`: a set of TensorFlow Datasets with such splits, for instance
      `cycle_gan/horse2zebra`, that was prepared as array_record; needs `ganc[tfds]`.

    Args:
        address: one of the above.
        size: side of the training pictures in px.
        skip_bad: decode every picture of a folder now, and leave out those that fail
            (`Dataset.skipped`), instead of raising when one turns up in training.

    Raises:
        UserError: if the address names nothing, or what it names cannot be read.

    Example:
        >>> data = open_dataset("earth", 64)
        >>> data.name, data.search_a[0].shape, len(data.search_a) == len(data.search_b)
        ('earth:satellite-relief', (64, 64, 3), True)
    """
    if size < 1:
        raise UserError(f"the size of the pictures must be at least 1 px, got {size}")
    scheme, _, rest = address.partition(":")
    if scheme == "earth" and (rest or address == "earth"):
        return _earth(rest or "satellite-relief", size)
    if scheme == "folder" and rest:
        pictures, skipped = read_folder(Path(rest).expanduser(), skip_bad=skip_bad)
        return _unpaired(address, size, pictures, skipped)
    if scheme == "tfds" and rest:
        name, _, directory = rest.partition("@")
        return _unpaired(address, size, read_tfds(name, directory or None), ())
    raise UserError(f"unknown data set {address!r}; valid are {', '.join(ADDRESSES)}")


def _earth(task: str, size: int) -> Dataset:
    if task not in EARTH:
        tasks = ", ".join(f"earth:{name}" for name in EARTH)
        raise UserError(f"unknown data set 'earth:{task}'; valid are {tasks}")
    a, b = EARTH[task]
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
        load=size,
        crop=size,
        # The relief is shaded by a sun in the north-west: there are no mirrored maps.
        flip=False,
    )


def _unpaired(
    name: str, size: int, pictures: Mapping[str, Pictures], skipped: tuple[str, ...]
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
        load=round(size * 286 / 256),  # the ratio of the reference, which crops 256 px out of 286
        crop=size,
        flip=True,
        skipped=skipped,
    )
