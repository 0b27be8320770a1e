"""The workdir of a run in several processes: one of them writes it, the others a copy of their own.

Every process runs the whole program. The first works in the workdir; each of the others begins with
a copy of it, in which it reads and writes what the first does, and which is thrown away at the end.
So no process reads a file that another is writing, and nothing else needs to know who writes.
Checkpoints alone are shared: what holds them is told by `original`.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganc.errors import UserError
from ganc.hosts.exchange import barrier, count, everyone, index, leads

CHECKPOINTS = "checkpoints"
"""The folders that are no part of a copy."""

_copies: dict[Path, Path] = {}
_SIGN = ".hosts.partial"


def original(path: Path) -> Path:
    """Where `path`, in this process's copy of the workdir, lies in the workdir itself."""
    path = path.expanduser().absolute()
    for copy, workdir in _copies.items():
        if path.is_relative_to(copy):
            return workdir / path.relative_to(copy)
    return path


@contextmanager
def mirrored(workdir: Path) -> Iterator[Path]:
    """The directory that this process works in: `workdir`, or a copy of it.

    Raises:
        UserError: the processes do not see one and the same `workdir`.
    """
    if count() == 1:
        yield workdir
        return
    workdir = workdir.expanduser().absolute()
    _check_shared(workdir)
    if leads():
        barrier("workdirs are copied")
        yield workdir
        return
    with tempfile.TemporaryDirectory(prefix="ganc-", ignore_cleanup_errors=True) as place:
        copy = Path(place).resolve() / workdir.name
        shutil.copytree(workdir, copy, ignore=shutil.ignore_patterns(CHECKPOINTS, ".lock"))
        _copies[copy] = workdir
        barrier("workdirs are copied")
        try:
            yield copy
        finally:
            del _copies[copy]


def _check_shared(workdir: Path) -> None:
    sign = workdir / _SIGN
    if leads():
        workdir.mkdir(parents=True, exist_ok=True)
        sign.touch()
    barrier("the workdir is there")
    seen = everyone(sign.exists())
    barrier("the workdir was looked at")
    if leads():
        sign.unlink()
    if not seen:
        raise UserError(
            f"the workdir {workdir} of process 0 is not that of all {count()} processes, this is "
            f"{index()}; --workdir must name a directory of a file system that all hosts share"
        )
    barrier("the workdir is shared")
