"""The one console that everything prints to, and how long work shows that it goes on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

console = Console()

EVERY = 30.0
"""Seconds between the plain lines that stand for a bar where the output is no terminal."""


class Progress:
    """How far a piece of work is; the clock decides what is printed and nothing else."""

    def __init__(self, report: Callable[[int, str], None], done: int):
        self._report, self._done, self._note = report, done, ""

    def advance(self, count: int = 1) -> None:
        """`count` more are done."""
        self.update(self._done + count)

    def update(self, done: int, note: str | None = None) -> None:
        """`done` are done, all told; `note` is shown from now on."""
        self._done, self._note = done, self._note if note is None else note
        self._report(self._done, self._note)


@contextmanager
def progress(
    name: str,
    total: int | None = None,
    *,
    done: int = 0,
    to: Console = console,
    brief: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Progress]:
    """Shows how far the work in its body is.

    A terminal gets a bar. Elsewhere (a log file, a notebook, a batch system) a plain line says at
    the beginning, about every `EVERY` seconds and at the end how much is done, the notes, the rate
    and the time that is left.

    Args:
        name: of the work.
        total: how much there is to do, if that is known.
        done: how much of it was done before.
        to: where it is shown.
        brief: no line at the beginning and at the end, for work of seconds.
        clock: seconds.
    """
    if not to.is_terminal:
        lines = _Lines(name, total, done, to, clock)
        if not brief:
            to.print(f"{name}: {_count(done, total)}", **_PLAIN)
        shown = Progress(lines.report, done)
        yield shown
        if not brief:
            lines.last()
        return
    with RichProgress(
        TextColumn("[bold]{task.description:<12}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
        console=to,
    ) as bar:
        task = bar.add_task(name, total=total, completed=done, note="")
        yield Progress(lambda done, note: bar.update(task, completed=done, note=note), done)


_PLAIN: dict = {"markup": False, "highlight": False, "soft_wrap": True}


class _Lines:
    """The plain lines of one piece of work."""

    def __init__(self, name, total, done, to: Console, clock: Callable[[], float]):
        self._name, self._total, self._to, self._clock = name, total, to, clock
        self._start, self._first, self._said = clock(), done, clock()
        self._now = (done, "")

    def report(self, done: int, note: str) -> None:
        self._now = done, note
        if self._clock() - self._said >= EVERY:
            self._said = self._clock()
            self._say(left=True)

    def last(self) -> None:
        self._say(left=False)

    def _say(self, left: bool) -> None:
        (done, note), seconds = self._now, self._clock() - self._start
        rate = (done - self._first) / seconds if seconds > 0 else 0.0
        parts = [_count(done, self._total), note]
        if rate:
            parts.append(f"{rate:.3g}/s")
        if left and rate and self._total is not None:
            parts.append(f"{_duration((self._total - done) / rate)} left")
        if not left:
            parts.append(f"in {_duration(seconds)}")
        self._to.print(f"{self._name}: {', '.join(filter(None, parts))}", **_PLAIN)


def _count(done: int, total: int | None) -> str:
    return f"{done:,} done" if total is None else f"{done:,} of {total:,}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
