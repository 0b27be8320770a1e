"""A directory that is complete or invisible: written beside its place, synced, and renamed."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganc.errors import UserError


def check_replaceable(directory: Path, names: Collection[str]) -> None:
    """Refuses a place that holds more than files of these names.

    Raises:
        UserError: it does, or is a file.
    """
    if not directory.exists():
        return
    if not directory.is_dir():
        raise UserError(f"cannot store a model at {directory}: it is a file")
    others = sorted(p.name for p in directory.iterdir() if p.name not in names)
    if others:
        raise UserError(
            f"cannot store a model at {directory}: it holds other things too ({others[0]}); "
            "choose a new or an empty directory"
        )


@contextmanager
def replaced(directory: Path) -> Iterator[Path]:
    """A directory to write to, which takes the place of `directory` if all goes well."""
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a save that was killed
    partial.mkdir(parents=True)
    try:
        yield partial
        _move(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def whole(directory: str | os.PathLike[str]) -> Path:
    """Where to read what was last stored as `directory`."""
    directory = Path(directory).resolve()
    if not directory.exists() and _old(directory).exists():
        return _old(directory)  # a save was killed between its two renames
    return directory


def sync(file: Any) -> None:
    """Makes what was written to a file last."""
    file.flush()
    os.fsync(file.fileno())


def _old(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.old")


def _move(partial: Path, directory: Path) -> None:
    old = _old(directory)
    if directory.exists():
        shutil.rmtree(old, ignore_errors=True)
        directory.rename(old)  # no system replaces a directory that is not empty in one step
    try:
        partial.rename(directory)
    except OSError:
        if old.exists():
            old.rename(directory)
        raise
    if os.name == "posix":  # make the renames last, not only the files
        descriptor = os.open(directory.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    shutil.rmtree(old, ignore_errors=True)
