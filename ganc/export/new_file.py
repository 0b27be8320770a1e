"""Files that are written whole or not at all, and never over others."""

import os
from contextlib import suppress
from pathlib import Path

from ganc.errors import UserError


def check_new(path: Path) -> None:
    """Refuses a path that is taken, or where nothing can be written.

    Raises:
        UserError: there is something, or no folder to write to.
    """
    if path.exists():
        raise UserError(f"{path} exists; give another name, or remove it")
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise UserError(f"cannot write {path}: {place} is no folder that can be written to")


def write_new(path: Path, data: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        UserError: there is a file of that name, or it can't be written.
    """
    check_new(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise UserError(f"cannot write {path}: {error.strerror}") from error
