"""Folders of aligned pairs: equal names in two folders, or two pictures side by side in one."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ganc.data.files import decode, list_pictures, unreadable
from ganc.data.pictures import Lazy
from ganc.errors import UserError

Pair = Callable[[], tuple[np.ndarray, np.ndarray]]
"""Decodes the pictures of a and b."""

LAYOUT = (
    "trainA and trainB with pictures of equal names, or train with pictures of A and B side by "
    "side; and where there is a test set, testA and testB, or test"
)


def read_pairs(
    directory: Path, *, skip_bad: bool
) -> tuple[dict[str, Sequence[Pair]], tuple[str, ...]]:
    """The pairs of every set, and the paths of pictures that were left out with their partners.

    Without `skip_bad` only the headers are read here; with it every picture is decoded once.

    Returns:
        Pairs by "train" and, if it is there, "test"; the paths that were skipped.

    Raises:
        UserError: if a folder is missing, a picture has no partner, or one cannot be read.
    """
    if not directory.is_dir():
        raise UserError(f"there is no folder {directory}")
    if all((directory / name).is_dir() for name in ("trainA", "trainB")):
        sets = {name: _partners(directory, name) for name in ("train", "test")}
    elif (directory / "train").is_dir():
        sets = {name: _side_by_side(directory, name) for name in ("train", "test")}
    else:
        raise UserError(f"{directory} holds no pairs; expected: {LAYOUT}")
    found = {name: pairs for name, pairs in sets.items() if pairs}
    paths = [path for pairs in found.values() for files in pairs for path in files]
    bad = unreadable(paths, skip_bad=skip_bad)
    result = {}
    for name, pairs in found.items():
        kept = [files for files in pairs if not any(path in bad for path in files)]
        if not kept:
            raise UserError(f"none of the pairs of {name} in {directory} can be decoded")
        result[name] = Lazy(kept, _make_pair)
    return result, tuple(map(str, bad))


def _partners(directory: Path, name: str) -> list[tuple[Path, ...]]:
    folders = [directory / f"{name}{domain}" for domain in "AB"]
    if not all(folder.is_dir() for folder in folders):
        return []
    by_stem = [{path.stem: path for path in list_pictures(folder)} for folder in folders]
    for (one, other), folder in ((by_stem, folders[1]), (by_stem[::-1], folders[0])):
        for stem, path in one.items():
            if stem not in other:
                raise UserError(
                    f"{path} has no partner {stem}.* in {folder}; pairs have equal names"
                )
    return [(path, by_stem[1][stem]) for stem, path in by_stem[0].items()]


def _side_by_side(directory: Path, name: str) -> list[tuple[Path, ...]]:
    folder = directory / name
    return [(path,) for path in list_pictures(folder)] if folder.is_dir() else []


def _make_pair(files: tuple[Path, ...]) -> Pair:
    return partial(_halves, files[0]) if len(files) == 1 else partial(_both, *files)


def _both(a: Path, b: Path) -> tuple[np.ndarray, np.ndarray]:
    return decode(a), decode(b)


def _halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    picture = decode(path)
    half = picture.shape[1] // 2
    if picture.shape[1] % 2:
        raise UserError(f"{path} is {picture.shape[1]} px wide; two pictures side by side are even")
    return picture[:, :half], picture[:, half:]
