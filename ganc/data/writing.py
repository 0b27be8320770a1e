"""Pictures in memory become a folder that `folder:DIR` reads, so that a run on them resumes."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from ganc.errors import UserError
from ganc.runs import records

SETS = ("trainA", "trainB", "testA", "testB", "trainI", "testI")
"""What a folder may hold; I are the instances of label maps."""

Given: TypeAlias = Mapping[str, Iterable[Any]] | Iterable[Any]
"""Pictures by set; or those of A and of B, two sequences or arrays; or a loader, which yields a
picture or a batch of A with one of B."""

_MANIFEST = "pictures.json"


def write_folder(folder: Path, data: Given) -> None:
    """Writes pictures as lossless PNGs; the ones that are there already stay.

    Args:
        folder: made here, or made by an earlier call with the same pictures.
        data: uint8 (h w 3), of label maps (h w) of uint8 or uint16; several at once have a first
            axis before. The i-th pictures of A and B have equal names, so they may be pairs. All of
            them are held in memory meanwhile.

    Raises:
        UserError: they are no such pictures, or others than those that are there.
    """
    sets = _sets(data)
    about = {"sha256": _hash(sets), "pictures": {name: len(found) for name, found in sets.items()}}
    had = _read(folder)
    if had == about:
        return
    if had is not None:
        raise UserError(
            f"{folder} holds other pictures than those given: {had['pictures']}, sha256 "
            f"{had['sha256'][:12]}, now {about['pictures']}, {about['sha256'][:12]}; "
            "name another workdir"
        )
    shutil.rmtree(folder, ignore_errors=True)  # what a kill left
    for name, pictures in sets.items():
        (folder / name).mkdir(parents=True)
        for i, picture in enumerate(pictures):
            Image.fromarray(picture).save(folder / name / f"{i:06d}.png", compress_level=1)
    records.replace(folder / _MANIFEST, json.dumps(about) + "\n")


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _hash(sets: Mapping[str, Sequence[np.ndarray]]) -> str:
    digest = hashlib.sha256()
    for name, pictures in sorted(sets.items()):
        for picture in pictures:
            digest.update(f"{name} {picture.dtype} {picture.shape} ".encode())
            digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def _sets(data: Given) -> dict[str, list[np.ndarray]]:
    if isinstance(data, Mapping):
        if unknown := data.keys() - set(SETS):
            raise UserError(f"pictures are those of {', '.join(SETS)}; got {sorted(unknown)[0]!r}")
        sets = {name: list(_pictures(name, some)) for name, some in data.items()}
    elif isinstance(data, tuple) and len(data) == 2:
        sets = {name: list(_pictures(name, some)) for name, some in zip(SETS, data, strict=False)}
    else:
        sets = {"trainA": [], "trainB": []}
        for item in data:
            if not isinstance(item, tuple | list) or len(item) != 2:
                raise UserError(
                    "a loader yields (a, b), a picture or a batch of each; got "
                    f"{type(item).__name__}; pictures in memory are given as (all of A, all of B)"
                )
            for name, some in zip(sets, item, strict=True):
                sets[name] += _pictures(name, [some])
    for name in ("trainA", "trainB"):
        if not sets.get(name):
            raise UserError(f"there are no pictures for {name}")
    return sets


def _pictures(name: str, given: Iterable[Any]) -> Iterator[np.ndarray]:
    for item in given:
        array = np.asarray(item)
        batch = array.ndim == 4 or (array.ndim == 3 and 3 not in (array.shape[0], array.shape[2]))
        for one in array if batch else [array]:
            yield _checked(name, one)


def _checked(name: str, picture: np.ndarray) -> np.ndarray:
    # Three label maps at once would be taken for a picture whose channels come first.
    colours = picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
    labels = picture.ndim == 2 and picture.dtype in (np.uint8, np.uint16)
    if not (colours or labels) or 0 in picture.shape:
        raise UserError(
            f"{name}: expected pictures as uint8 (h w 3), or label maps as uint8 or uint16 (h w), "
            "each alone or several along a first axis; "
            f"got {picture.dtype} {picture.shape}"
        )
    return picture
