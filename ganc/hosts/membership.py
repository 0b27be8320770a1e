"""How a process joins the others of its run, and how it leaves them."""

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax._src import distributed  # its client has no public name

from ganc import cli
from ganc.errors import UserError
from ganc.hosts.exchange import barrier, count, leads
from ganc.hosts.preemption import heeded
from ganc.hosts.watch import Watch, explain_aborts
from ganc.runs.console import console

HELP = (
    "one run in several processes: auto, where a cluster says it (Slurm, MPI, Kubernetes, Cloud "
    "TPU), or HOST:PORT,PROCESS,COUNT with the address of process 0; empty: this process alone"
)

_ASKED = re.compile(r"(.+:[0-9]{1,5}),([0-9]{1,6}),([0-9]{1,6})")
_watch: list[Watch] = []


def parse(text: str) -> dict[str, Any]:
    """What `jax.distributed.initialize` takes for `--distributed TEXT`.

    Raises:
        UserError: it is neither `auto` nor HOST:PORT,PROCESS,COUNT.

    Example:
        >>> parse("node0:4000,1,2")["process_id"]
        1
    """
    if text == "auto":
        return {}
    found = _ASKED.fullmatch(text.strip())
    process, processes = (int(found[2]), int(found[3])) if found else (0, 0)
    if not found or process >= processes:
        raise UserError(
            "--distributed takes auto or HOST:PORT,PROCESS,COUNT, such as node0:4000,0,2, with "
            f"PROCESS from 0 to COUNT - 1; got {text!r}"
        )
    return {
        "coordinator_address": found[1],
        "process_id": process,
        "num_processes": processes,
        "cluster_detection_method": "deactivate",
    }


def join(text: str) -> None:
    """Joins the other processes as `text` says, see `parse`; before JAX has touched a device.

    Raises:
        UserError: see `parse`; or nothing here says where the others are.
    """
    if not text or jax.distributed.is_initialized():
        return
    asked = parse(text)
    _keep_output_clean()
    if asked:
        explain_aborts(asked["process_id"], asked["num_processes"], asked["coordinator_address"])
    try:
        jax.distributed.initialize(**asked)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"--distributed {text}: {error}") from error
    state = distributed.global_state
    address = str(state.coordinator_address)
    if not asked:
        explain_aborts(state.process_id, state.num_processes, address)
    if state.num_processes > 1:
        _watch.append(Watch(state.client, state.process_id, state.num_processes))


def _keep_output_clean() -> None:
    """Sends what libraries below Python print to the errors: gloo greets its peers on stdout."""
    try:
        result = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is no file
        return
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout = os.fdopen(result, "w", buffering=1, encoding=sys.stdout.encoding)


def settle() -> None:
    """Where something failed: ends the program, with one line, if another process is lost."""
    for watch in _watch:
        watch.settle()


@contextmanager
def together() -> Iterator[None]:
    """The part of a program that all processes run; at its end they leave together.

    One that fails says why and leaves at once, as the others would wait for it, and it for them.
    """
    if count() == 1:
        with heeded():
            yield
        return
    console.quiet = not leads()
    try:
        with cli.one_line_errors():
            yield
    except SystemExit as end:
        if isinstance(end.code, int) and end.code:
            _leave(end.code)
    except Exception:
        settle()
        traceback.print_exc()
        _leave(1)
    barrier("the end")
    while _watch:
        _watch.pop().stop()
    jax.distributed.shutdown()


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
