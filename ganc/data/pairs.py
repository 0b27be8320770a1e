"""Folders of aligned pairs: equal names in two folders, or two pictures side by side in one."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ganc.data.files import decode, decode_labels, list_pictures, unreadable
from ganc.data.labels import LabelMaps
from ganc.data.pictures import Lazy
from ganc.errors import UserError

Pair = Callable[[], tuple[np.ndarray, np.ndarray]]
"""Decodes the picture or the label map of a, and the picture of b."""

SETS = ("train", "test", "val")
LAYOUT = (
    "trainA and trainB with pictures of equal names, or train with pictures of A and B side by "
    "side; and where there are such sets, testA and testB, or test, and valA and valB, or val"
)


LABELS = (
    "trainA with label maps and trainB with pictures of equal names, trainI with instances where "
    "they are asked for; and where there is a test set, testA, testB and testI"
)


def read_pairs(
    directory: Path, *, skip_bad: bool, labels: LabelMaps | None = None
) -> tuple[dict[str, Sequence[Pair]], tuple[str, ...]]:
    """The pairs of every set, and the paths of pictures that were left out with their partners.

    With `labels`, the files of A are label maps.

    Without `skip_bad` only the headers are read here; with it every picture is decoded once.

    Returns:
        Pairs by "train" and, if they are there, "test" and "val"; the paths that were skipped.

    Raises:
        UserError: if a folder is missing, a picture has no partner, or one cannot be read.
    """
    if not directory.is_dir():
        raise UserError(f"there is no folder {directory}")
    domains = "ABI" if labels and labels.instances else "AB"
    if all((directory / f"train{domain}").is_dir() for domain in domains):
        sets = {name: _partners(directory, name, domains) for name in SETS}
    elif labels is None and (directory / "train").is_dir():
        sets = {name: _side_by_side(directory, name) for name in SETS}
    else:
        raise UserError(
            f"{directory} holds no pairs; expected: {LAYOUT if labels is None else LABELS}"
        )
    found = {name: pairs for name, pairs in sets.items() if pairs}
    paths = [path for pairs in found.values() for files in pairs for path in files]
    bad = unreadable(paths, skip_bad=skip_bad)
    result = {}
    for name, pairs in found.items():
        kept = [files for files in pairs if not any(path in bad for path in files)]
        if not kept:
            raise UserError(f"none of the pairs of {name} in {directory} can be decoded")
        result[name] = Lazy(kept, _make_pair if labels is None else _make_labelled)
    return result, tuple(map(str, bad))


def _partners(directory: Path, name: str, domains: str) -> list[tuple[Path, ...]]:
    folders = [directory / f"{name}{domain}" for domain in domains]
    if not all(folder.is_dir() for folder in folders):
        return []
    by_stem = [{path.stem: path for path in list_pictures(folder)} for folder in folders]
    for one, other, folder in (
        *((by_stem[0], files, folder) for files, folder in zip(by_stem, folders, strict=True)),
        *((files, by_stem[0], folders[0]) for files in by_stem[1:]),
    ):
        for stem, path in one.items():
            if stem not in other:
                raise UserError(
                    f"{path} has no partner {stem}.* in {folder}; pairs have equal names"
                )
    return [tuple(files[stem] for files in by_stem) for stem in by_stem[0]]


def _side_by_side(directory: Path, name: str) -> list[tuple[Path, ...]]:
    folder = directory / name
    return [(path,) for path in list_pictures(folder)] if folder.is_dir() else []


def _make_pair(files: tuple[Path, ...]) -> Pair:
    return partial(_halves, files[0]) if len(files) == 1 else partial(_both, *files)


def _make_labelled(files: tuple[Path, ...]) -> Pair:
    return partial(_labelled, *files)


def _labelled(a: Path, b: Path, instances: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    maps = [decode_labels(path) for path in (a, instances) if path is not None]
    if len({each.shape for each in maps}) > 1:
        raise UserError(
            f"{a} is {maps[0].shape}, {instances} {maps[1].shape}; expected equal sizes"
        )
    return maps[0] if instances is None else np.stack(maps, axis=-1), decode(b)


def _both(a: Path, b: Path) -> tuple[np.ndarray, np.ndarray]:
    return decode(a), decode(b)


def _halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    picture = decode(path)
    half = picture.shape[1] // 2
    if picture.shape[1] % 2:
        raise UserError(f"{path} is {picture.shape[1]} px wide; two pictures side by side are even")
    return picture[:, :half], picture[:, half:]
