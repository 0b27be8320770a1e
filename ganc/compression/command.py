"""The command line that started a run, for its report."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_given: ContextVar[tuple[str, ...] | None] = ContextVar("given", default=None)


@contextmanager
def called(program: str, argv: Sequence[str]) -> Iterator[None]:
    """Inside, `command` is that of `program`, such as `ganc compress cyclegan_ofa`, with `argv`."""
    token = _given.set((*program.split(), *argv))
    try:
        yield
    finally:
        _given.reset(token)


def command() -> str:
    """What to type for the same run."""
    return shlex.join(_given.get() or ["python", *sys.orig_argv[1:]])
