"""SIGTERM: what is done is saved, and the program ends with a code that asks for a new start.

Schedulers send it before they take a machine away. Outside of training nothing needs saving: runs
resume from any kill.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jax.experimental import multihost_utils

from ganc.errors import Preempted
from ganc.hosts.exchange import count

_waits: list[bool] = []


@contextmanager
def heeded() -> Iterator[None]:
    """In its body SIGTERM raises `Preempted`, in training once a checkpoint is written.

    With several processes it is JAX's to hear, since all must stop at one step.
    """
    if count() > 1 or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _handle(*_: object) -> None:
    if not _waits:
        raise Preempted("SIGTERM: ended early; the same command goes on")
    _waits[-1] = True


@contextmanager
def postponed() -> Iterator[Callable[[int], bool]]:
    """`with postponed() as asked: ...`, where `asked(step)` says whether to save and stop now.

    It is called after every step, by all processes with the same steps, and is true in the same
    step for all of them.
    """
    _waits.append(False)
    try:
        yield (
            lambda step: (
                _waits[-1] if count() == 1 else multihost_utils.reached_preemption_sync_point(step)
            )
        )
    finally:
        waited = _waits.pop()
    if waited:  # it came after the last step
        raise Preempted("SIGTERM: ended early; the same command goes on")
