"""Three disjoint sets out of what a data set ships: to train on, to search with, to report on."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ganc.data.pictures import Lazy
from ganc.errors import UserError

T = TypeVar("T")

MOST = 120
"""Pictures held out at most for each purpose; Li et al. (arXiv 2003.08936) search with as many."""
LEAST = 2
"""Pictures held out at least: a distance between sets takes two of each."""


def split(
    name: str, train: Sequence[T], test: Sequence[T] | None, val: Sequence[T] | None = None
) -> tuple[Sequence[T], Sequence[T], Sequence[T]]:
    """Holds pictures out of `train` for the search and, without a `test` set, for the report.

    A tenth of `train`, from `LEAST` to `MOST` pictures, for each purpose, at even distances in its
    order: the same on every run and machine, and from all over it where the order means something.

    Args:
        name: of the set, for the error message.
        train: what to hold out of.
        test: the pictures to report on, if the data set has them.
        val: others that it has: to search with, or, where there is no `test`, to report on.

    Returns:
        The pictures to train on, to search with and to report on.

    Raises:
        UserError: if `train` is too small to be divided, or `test` to be reported on.
    """
    if test is None:
        test, val = val, None
    for what, held_out in (("test", test), ("validation", val)):
        if held_out is not None and len(held_out) < LEAST:
            raise UserError(
                f"the {what} set beside {name} holds {len(held_out)} usable pictures, at least "
                f"{LEAST} are needed"
            )
    if test is not None and val is not None:
        return train, val, test
    purposes = 1 if test is not None else 2
    if len(train) <= purposes * LEAST:
        raise UserError(
            f"{name} holds {len(train)} usable pictures, at least {purposes * LEAST + 1} are "
            f"needed: one to train on, {LEAST} to search with"
            + (f" and {LEAST} to report on" if test is None else "")
        )
    held = purposes * max(LEAST, min(MOST, round(len(train) / 10)))
    indices = np.arange(held) * len(train) // held
    rest = np.setdiff1d(np.arange(len(train)), indices)

    def take(chosen: np.ndarray) -> Sequence[T]:
        return Lazy(chosen.tolist(), train.__getitem__)

    report = take(indices[1::2]) if test is None else test
    return take(rest), take(indices[::purposes]), report
