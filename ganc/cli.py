"""What every command line of this project has in common."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import tyro

from ganc import memory
from ganc.errors import RunError, UserError


def run(main: Callable[..., object], argv: Sequence[str] | None = None) -> None:
    """Calls `main` with what the command line says; its signature is the command line.

    Args:
        main: a function whose parameters tyro turns into arguments and flags.
        argv: the command line, without the program; None for that of this process.

    Raises:
        SystemExit: with code 2 over a mistake of the caller, be it a flag or a `UserError`; with
            130 when interrupted.
    """
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else ""
    prog = f"python -m {name}" if name and main.__module__ == "__main__" else None
    with one_line_errors():
        tyro.cli(main, args=argv, prog=prog)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the program with one line and an exit code where the caller erred or interrupted.

    Anything else is a defect of ours, and keeps its traceback. Every command line passes through
    here, and keeps freed memory from then on (`ganc.memory`).
    """
    memory.keep_freed_memory()
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except (RunError, OSError) as error:  # an OSError that nobody foresaw: a full disk, say
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
