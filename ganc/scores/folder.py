"""A folder of pictures to be scored: which files, and that all of them can be."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ganc.data.files import decode, list_pictures, read_colours
from ganc.errors import UserError
from ganc.scores.sets import PictureSet

_OTHER = {"grey": "is grey", "transparent": "has an alpha channel"}


@dataclass(frozen=True)
class Folder:
    """The pictures of one folder, sorted by name.

    Attributes:
        path: the folder.
        files: its pictures.
        converted: whether some of them are not RGB and are made so when read.
    """

    path: Path
    files: tuple[Path, ...]
    converted: bool = False

    @classmethod
    def open(cls, path: Path, *, least: int, why: str, convert: bool = False) -> "Folder":
        """The pictures of `path`, of which only the headers are read.

        Args:
            path: the folder.
            least: pictures that it must hold.
            why: the reason for that number, for the message.
            convert: take grey and transparent pictures too.

        Raises:
            UserError: there is no folder, it holds too few pictures, or one is not RGB.
        """
        files = tuple(list_pictures(path))
        if len(files) < least:
            raise UserError(
                f"{path} holds {len(files)} picture{'s' * (len(files) > 1)}, "
                f"{least} or more are needed: {why}"
            )
        with ThreadPoolExecutor() as pool:
            colours = list(pool.map(read_colours, files))
        other = [(file, kind) for file, kind in zip(files, colours, strict=True) if kind != "rgb"]
        if other and not convert:
            file, kind = other[0]
            raise UserError(
                f"{file} {_OTHER[kind]}, expected RGB; --convert repeats grey in three channels "
                "and lays transparent pictures on white"
            )
        return cls(path, files, bool(other))

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> np.ndarray:
        """A picture, uint8 (h w 3).

        Raises:
            UserError: it cannot be decoded.
        """
        return decode(self.files[index])

    def pictures(self, name: str, order: Sequence[int] | None = None) -> PictureSet:
        """Its pictures as a set called `name`; `name-converted` where they were made RGB.

        Args:
            name: of the set.
            order: the places of those to take, by default all. What is ordered has no hash.
        """
        name = f"{name}-converted" if self.converted else name
        if order is None:
            return PictureSet(
                name, len(self), self.read, lambda i: str(self.files[i]), lambda: self.sha256
            )
        return PictureSet(
            name,
            len(order),
            lambda i: self.read(order[i]),
            lambda i: str(self.files[order[i]]),
        )

    @cached_property
    def sha256(self) -> str:
        """The hash of the list of files: of the lines that `sha256sum` prints for them, by name.

        It changes with any name or byte, and not with the machine or the clock.
        """
        with ThreadPoolExecutor() as pool:
            lines = pool.map(
                lambda file: f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n",
                self.files,
            )
            return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def by_stem(self) -> dict[str, int]:
        """The place of every picture by its name without ending.

        Raises:
            UserError: two pictures share a name.
        """
        places: dict[str, int] = {}
        for index, file in enumerate(self.files):
            if (other := places.setdefault(file.stem, index)) != index:
                raise UserError(
                    f"{self.files[other]} and {file.name} have one name; pairs are found by name"
                )
        return places


def partners(folder: Folder, others: Folder) -> list[int]:
    """For each picture of `folder`, in order, the place of that of the same name in `others`.

    Raises:
        UserError: a picture of either has no partner.
    """
    for one, other in ((folder, others), (others, folder)):
        for stem, index in one.by_stem.items():
            if stem not in other.by_stem:
                raise UserError(
                    f"{one.files[index]} has no partner {stem}.* in {other.path} "
                    f"({len(folder)} pictures in {folder.path}, {len(others)} in {others.path})"
                )
    return [others.by_stem[stem] for stem in folder.by_stem]
