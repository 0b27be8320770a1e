"""Batches as a pure function of seed and step, and a prefetcher that keeps the device busy."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from ganc.data.pictures import Pictures, augment, to_float

Batch = dict[str, np.ndarray]
T = TypeVar("T")


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, length]).permutation(length)


@dataclass(frozen=True, eq=False)
class Unpaired:
    """Batches of two domains that are drawn independently.

    Domain a is shuffled anew every epoch and used up; b is drawn at random, as the reference does.
    `batches(step)` depends on nothing but the seed and the step, so a run resumes exactly, on any
    number of workers.

    Attributes:
        a, b: the training pictures of each domain.
        size: pictures per domain in a batch.
        load, crop, flip: see `augment`.
        seed: of everything that is random here.
    """

    a: Pictures
    b: Pictures
    size: int
    load: int
    crop: int
    flip: bool
    seed: int

    def __call__(self, step: int) -> Batch:
        """The batch of `step`: arrays (size crop crop 3) in [-1, 1] for "a" and "b"."""
        rows = [self._row(step * self.size + i) for i in range(self.size)]
        return {domain: np.stack([row[domain] for row in rows]) for domain in "ab"}

    def _row(self, position: int) -> Batch:
        rng = np.random.default_rng([self.seed, position])
        epoch, place = divmod(position, len(self.a))
        picture_a = self.a[int(_order(self.seed, epoch, len(self.a))[place])]
        picture_b = self.b[int(rng.integers(len(self.b)))]
        options = {"load": self.load, "crop": self.crop, "flip": self.flip}
        return {
            "a": to_float(augment(picture_a, rng, **options)),
            "b": to_float(augment(picture_b, rng, **options)),
        }


def prefetch(
    make: Callable[[int], T], start: int, stop: int, *, workers: int = 2, ahead: int = 4
) -> Iterator[T]:
    """Yields `make(start)` to `make(stop - 1)` in order, made ahead of time by threads.

    Args:
        make: called in several threads at once; what it raises is raised here, at its step.
        start, stop: the first step, and the one after the last.
        workers: threads.
        ahead: steps in the making or waiting while the consumer works on another, at least one per
            worker; the memory it takes is that of `ahead + 1` batches.
    """
    ahead = max(ahead, workers)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ganc-data")
    try:
        queue = deque(pool.submit(make, step) for step in range(start, min(start + ahead, stop)))
        for step in range(start, stop):
            if step + ahead < stop:
                queue.append(pool.submit(make, step + ahead))
            yield queue.popleft().result()
    finally:  # also where the consumer stops early: drop what nobody waits for
        pool.shutdown(wait=False, cancel_futures=True)
