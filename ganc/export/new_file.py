"""Files that are written whole or not at all, and never over others."""

import os
from contextlib import suppress
from pathlib import Path

from ganc.errors import UserError


def check_new(path: Path) -> None:
    """Refuses a path that is taken.

    Raises:
        UserError: there is something.
    """
    if path.exists():
        raise UserError(f"{path} exists; give another name, or remove it")


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
