"""Who of a run in several processes is still there.

A collective operation waits for ever for a process that was killed, and JAX's own watch ends the
others with a core dump that says little. Every process here says each second that it is alive, by
JAX's key-value store; the others end when it has not for a while.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from ganc.errors import REQUEUE

VARIABLE = "GANC_LOST_AFTER"
"""The environment variable with the seconds of silence after which a process counts as lost."""

EVERY = 1.0
"""Seconds between two signs of life."""

_FOLDER = "ganc/alive"


def lost_after() -> float:
    """Seconds of silence after which a process counts as lost: 30, or as `VARIABLE` says."""
    return float(os.environ.get(VARIABLE) or 30.0)


class Silence:
    """How long each of `count` processes has said nothing."""

    def __init__(self, count: int, now: float):
        self._signs = {process: ("", now) for process in range(count)}

    def hear(self, signs: Mapping[int, str], now: float) -> None:
        """`signs` are the last ones of each process that gave any; a new one ends its silence."""
        for process, sign in signs.items():
            if self._signs[process][0] != sign:
                self._signs[process] = sign, now

    def longer_than(self, seconds: float, now: float) -> list[int]:
        """The processes that have been silent for longer than `seconds`."""
        return [process for process, (_, since) in self._signs.items() if now - since > seconds]


class Watch:
    """A thread that ends this process when another one is lost.

    Args:
        client: JAX's, with its key-value store.
        index: of this process.
        count: of processes.
    """

    def __init__(self, client: Any, index: int, count: int):
        self._client, self._index, self._count = client, index, count
        _joined.set()
        self._seconds, self._over = lost_after(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ganc-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The end of the watch: from now on, processes may leave."""
        self._over.set()
        self._thread.join()

    def settle(self) -> None:
        """Comes back when a process that is lost would have been noticed.

        For where something failed: what fails in one process is often the loss of another.
        """
        self._over.wait(self._seconds + 3 * EVERY)

    def _run(self) -> None:
        silence, beat = Silence(self._count, time.monotonic()), 0
        while not self._over.wait(EVERY):
            beat += 1
            try:
                name = f"{_FOLDER}/{self._index}"
                self._client.key_value_set(name, str(beat), allow_overwrite=True)
                found = self._client.key_value_dir_get(f"{_FOLDER}/")
                signs = {int(key.rpartition("/")[2]): sign for key, sign in found}
            except Exception:  # the store is gone, and the first process with it
                signs = {process: str(beat) for process in range(1, self._count)}
            now = time.monotonic()
            silence.hear(signs, now)
            if lost := silence.longer_than(self._seconds, now):
                leave(missing(lost, self._count, f"silent for {self._seconds:.0f} s"))


def missing(processes: list[int], count: int, how: str) -> str:
    """One line that says which of `count` processes are missing, and what to do."""
    names = " and ".join(map(str, processes))
    who = f"process {names} of {count} is" if len(processes) == 1 else f"{names} of {count} are"
    return (
        f"{who} missing ({how}); the same command, on as many processes or "
        "fewer, goes on from the last checkpoint"
    )


def leave(line: str, code: int = REQUEUE) -> None:
    """Ends this process at once: what waits for a lost one cannot be waited for."""
    sys.stdout.flush()
    os.write(2, f"stopped: {line}\n".encode())
    os._exit(code)


_kept: list[Any] = []
_joined = threading.Event()


def explain_aborts(index: int, count: int, address: str) -> None:
    """Ends what JAX's runtime aborts with one line and the code for a new start.

    The runtime aborts a process from a thread of its own when the first one is gone; a handler of
    Python's would never be called.
    """

    def handle(_: int) -> None:
        if not _joined.is_set():
            leave(f"the {count} processes of the run did not all come; this is {index}")
        if index and not _answers(address):
            leave(missing([0], count, f"{address} does not answer"))

    if os.name != "posix":
        return
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(handle)
    _kept.append(handler)  # what is collected cannot be called
    ctypes.CDLL(None).signal(signal.SIGABRT, handler)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError:
        return False
    return True
