"""Whether making batches keeps up with the steps that take them."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Pace:
    """The rates of batches and of steps; they are said, and decide nothing.

    Args:
        workers: threads that make batches.
        clock: seconds.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.perf_counter):
        self._workers, self._clock = workers, clock
        self._made, self._making = 0, 0.0
        self._steps, self._stepping = 0, 0.0

    def timed(self, make: Callable[[int], T]) -> Callable[[int], T]:
        """`make`, timed."""

        def timed(step: int) -> T:
            start = self._clock()
            batch = make(step)
            # Threads may lose one of two additions at once: it is an estimate.
            self._making += self._clock() - start
            self._made += 1
            return batch

        return timed

    def waited(self, batches: Iterable[T]) -> Iterator[T]:
        """`batches`, while what their taker does with each is timed; the first one compiles."""
        for place, batch in enumerate(batches):
            start = self._clock()
            yield batch
            if place:
                self._stepping += self._clock() - start
                self._steps += 1

    def __str__(self) -> str:
        if not (self._making and self._stepping):
            return ""
        batches = self._workers * self._made / self._making
        steps = self._steps / self._stepping
        verdict = "" if batches > steps else "; the input is what limits"
        return f"input {batches:.3g} batches/s, steps {steps:.3g}/s{verdict}"
