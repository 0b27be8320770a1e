"""How many rows go through programs of one shape: filled batches, and evenly spread places."""

from collections.abc import Iterator
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Int, Shaped

_Rows = TypeVar("_Rows", np.ndarray, jax.Array)


def fill(rows: Shaped[_Rows, "_n ..."], size: int) -> Shaped[_Rows, "{size} ..."]:
    """The first rows of `size` are `rows` (n ...), n from 1 to `size`; the rest repeat the last.

    One shape is one compilation. A repeated row is as harmless to a network as the row itself,
    which zeros need not be. It works on NumPy and on JAX arrays.
    """
    if len(rows) == size:
        return rows
    return rows[np.minimum(np.arange(size), len(rows) - 1)]


def batches(
    rows: Shaped[_Rows, "n ..."], size: int
) -> Iterator[tuple[Shaped[_Rows, "{size} ..."], int]]:
    """Yields `rows` (n ...) in batches of `size`, each with the number of its rows that count.

    The last batch is filled up by `fill`; what a program makes of its surplus rows is to be cut
    off.
    """
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield fill(part, size), len(part)


def evenly_spread(count: int, length: int) -> Int[np.ndarray, " {count}"]:
    """`count` places among `length`, from the first to the last, as evenly as rounding allows.

    Up to `length` they are distinct; beyond it places repeat.

    Example:
        >>> evenly_spread(3, 8)
        array([0, 4, 7])
    """
    return np.linspace(0, length - 1, num=count).round().astype(int)
