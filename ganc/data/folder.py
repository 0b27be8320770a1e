"""A folder with the subfolders trainA and trainB, perhaps testA and testB, of pictures."""

from pathlib import Path

from ganc.data.files import decode, list_pictures, unreadable
from ganc.data.pictures import Lazy, Pictures
from ganc.errors import UserError

LAYOUT = "trainA and trainB and, where there is a test set, testA and testB"


def read_folder(directory: Path, *, skip_bad: bool) -> tuple[dict[str, Pictures], tuple[str, ...]]:
    """The pictures of every subfolder, and the paths of those that were left out.

    Without `skip_bad` only the headers are read here; a file that is damaged further on raises
    when its picture is asked for. With it every picture is decoded once, to find those.

    Returns:
        Pictures by "trainA", "trainB" and, if both are there, "testA" and "testB"; the paths that
        were skipped.

    Raises:
        UserError: if a folder is missing or holds no picture, or a picture cannot be read.
    """
    if not directory.is_dir():
        raise UserError(f"there is no folder {directory}")
    names = ["trainA", "trainB"]
    missing = [name for name in names if not (directory / name).is_dir()]
    if missing:
        raise UserError(f"{directory} has no folder {' and no '.join(missing)}; expected: {LAYOUT}")
    if all((directory / name).is_dir() for name in ("testA", "testB")):
        names += ["testA", "testB"]
    files = {name: list_pictures(directory / name) for name in names}
    bad = unreadable([path for paths in files.values() for path in paths], skip_bad=skip_bad)
    kept = {name: [path for path in paths if path not in bad] for name, paths in files.items()}
    for name, paths in kept.items():
        if not paths:
            raise UserError(f"none of the pictures in {directory / name} can be decoded")
    return {name: Lazy(paths, decode) for name, paths in kept.items()}, tuple(map(str, bad))
