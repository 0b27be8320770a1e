"""The command line that started a run, for its report."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_given: ContextVar[tuple[str, ...] | None] = ContextVar("given", default=None)


@contextmanager
def called(program: str, argv: Sequence[str] | None) -> Iterator[None]:
    """Inside, `command` is that of `program` with `argv`, where these are not of this process."""
    token = _given.set(None if argv is None else ("-m", program, *argv))
    try:
        yield
    finally:
        _given.reset(token)


def command() -> str:
    """What to type for the same run."""
    return shlex.join(["python", *(_given.get() or sys.orig_argv[1:])])
