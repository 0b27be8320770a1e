"""Batches as a pure function of seed and step, and a prefetcher that keeps the device busy."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from ganc.data.pictures import Augmentation, Pictures, to_float

Batch = dict[str, np.ndarray]
T = TypeVar("T")

Rows = Sequence[int] | None
"""The rows of a batch that are wanted, which are made as they would be in the whole: all, or those
of one process among several."""


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
        augmentation: of each picture by itself.
        seed: of everything that is random here.
    """

    a: Pictures
    b: Pictures
    size: int
    augmentation: Augmentation
    seed: int

    def __call__(self, step: int, rows: Rows = None) -> Batch:
        """The batch of `step`: arrays (size h w 3) in [-1, 1] for "a" and "b"; see `Rows`."""
        return _stack(self._row(step * self.size + i) for i in rows or range(self.size))

    def _row(self, position: int) -> Batch:
        rng = np.random.default_rng([self.seed, position])
        picture_a = self.a[_place(self.seed, position, len(self.a))]
        picture_b = self.b[int(rng.integers(len(self.b)))]
        views = {"a": picture_a, "b": picture_b}
        return {
            domain: to_float(self.augmentation.draw(rng)(picture))
            for domain, picture in views.items()
        }


@dataclass(frozen=True, eq=False)
class Paired:
    """Batches of aligned pairs, with one resize, one crop and one flip for both pictures.

    The pairs are shuffled anew every epoch and used up; a batch is a function of seed and step, as
    with `Unpaired`.

    Attributes:
        a, b: the training pictures; `a[i]` and `b[i]` show the same. Those of a may be label maps
            (h w), which are never interpolated.
        size: pairs in a batch.
        augmentation: of each pair.
        seed: of everything that is random here.
        encode: a picture or a label map of a -> what a generator is given, float32 (h w c).

    Reference: Isola et al. 2017 (arXiv 1611.07004), released code.
    """

    a: Pictures
    b: Pictures
    size: int
    augmentation: Augmentation
    seed: int
    encode: Callable[[np.ndarray], np.ndarray] = to_float

    def __post_init__(self) -> None:
        if len(self.a) != len(self.b):
            raise ValueError(f"pairs need as many of each, got {len(self.a)} and {len(self.b)}")

    def __call__(self, step: int, rows: Rows = None) -> Batch:
        """The batch of `step`: "a", as `encode` gives it, and "b" (size h w 3) in [-1, 1]."""
        return _stack(self._row(step * self.size + i) for i in rows or range(self.size))

    def _row(self, position: int) -> Batch:
        view = self.augmentation.draw(np.random.default_rng([self.seed, position]))
        place = _place(self.seed, position, len(self.a))
        return {"a": self.encode(view(self.a[place])), "b": to_float(view(self.b[place]))}


def _place(seed: int, position: int, length: int) -> int:
    epoch, place = divmod(position, length)
    return int(_order(seed, epoch, length)[place])


def _stack(rows: Iterable[Batch]) -> Batch:
    rows = list(rows)
    return {domain: np.stack([row[domain] for row in rows]) for domain in rows[0]}


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
