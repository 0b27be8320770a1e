"""What every command line of this project has in common."""

import functools
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any

import tyro

from ganc import memory, ranges
from ganc.errors import REQUEUE, Preempted, RunError, UserError, one_line


def run(
    main: Callable[..., object], argv: Sequence[str] | None = None, prog: str | None = None
) -> None:
    """Calls `main` with what the command line says; its signature is the command line.

    Args:
        main: a function whose parameters tyro turns into arguments and flags.
        argv: the command line, without the program; None for that of this process.
        prog: what help calls the program; by default how it was started.

    Raises:
        SystemExit: with code 2 over a mistake of the caller, be it a flag or a `UserError`; with
            130 when interrupted.
    """
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else ""
    if prog is None and name and main.__module__ == "__main__":
        prog = f"python -m {name}"

    @functools.wraps(main)
    def asked(*args: Any, **kwargs: Any) -> Callable[[], object]:
        ranges.check_arguments(main, kwargs)
        return lambda: main(*args, **kwargs)

    with one_line_errors():
        parse(asked, args=argv, prog=prog)()


def parse(form: Any, **options: Any) -> Any:
    """`tyro.cli(form, **options)`, whose complaints become one line.

    Raises:
        SystemExit: with code 2 over a command line that does not fit, with 0 after help.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(form, **options)
    except SystemExit as end:
        if end.code in (None, 0):
            raise
        print(f"error: {one_line(_without_box(said.getvalue()))}", file=sys.stderr)
        sys.exit(2)


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"^[│\s]+|[│\s]+$|[╭╰─][─]+.*$")


def _without_box(text: str) -> str:
    lines = (_FRAME.sub("", _COLOUR.sub("", line)) for line in text.splitlines())
    return " ".join(line for line in lines if line).partition(" For full helptext")[0]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the program with one line and an exit code where the caller erred or interrupted.

    Anything else is a defect of ours, and keeps its traceback. Every command line passes through
    here, and keeps freed memory from then on (`ganc.memory`).
    """
    memory.keep_freed_memory()
    try:
        yield
        sys.stdout.flush()  # here, where a reader that has gone is no news
    except BrokenPipeError:
        # As `| head` leaves it. What is still buffered has no reader either, and Python would say
        # so when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Preempted as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(REQUEUE)
    except (RunError, OSError) as error:  # an OSError that nobody foresaw: a full disk, say
        print(f"stopped: {one_line(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
