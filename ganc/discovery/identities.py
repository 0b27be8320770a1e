"""Which channels are one: a union of identities, solved once at the end.

Every place on every axis that may be a channel has an identity, an integer. Rules join identities
while a program is walked; nothing is looked up meanwhile, so their order does not matter.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

Ids: TypeAlias = np.ndarray | None
"""The identities along an axis; None where its length is fixed, as it is where it is 1."""

FIXED = 0
"""The identity of a place that can't go."""


class Product(NamedTuple):
    """An axis that was made of several, or made into several, the last running fastest."""

    whole: Ids
    parts: tuple[Ids, ...]
    sizes: tuple[int, ...]


class Identities:
    """Identities, and what is known about them.

    Attributes:
        count: how many there are.
        learned: those on the axes of parameters.
        refusals: axes on which an operation was not understood, with the reason.
    """

    def __init__(self) -> None:
        self.count = 1
        self.learned: list[np.ndarray] = []
        self.refusals: list[tuple[np.ndarray, str]] = []
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._products: list[Product] = []

    def fresh(self, shape: Sequence[int]) -> tuple[Ids, ...]:
        """New identities for all axes of an array."""
        return tuple(self._axis(size) for size in shape)

    def _axis(self, size: int) -> Ids:
        if size < 2:
            return None
        self.count += size
        return np.arange(self.count - size, self.count)

    def same(self, a: Ids, b: Ids) -> Ids:
        """Joins two axes place by place; what either is fixed to, the other is too."""
        if a is None or b is None:
            self.fix(a)
            self.fix(b)
            return None
        if a is not b:
            self._pairs.append((a, b))
        return a

    def fix(self, ids: Ids, reason: str = "") -> None:
        """Fixes an axis; a `reason` says that it is an operation that was not understood."""
        if ids is None:
            return
        if reason:
            self.refusals.append((ids, reason))
        else:
            self._pairs.append((ids, np.zeros_like(ids)))

    def product(self, whole: Ids, parts: Sequence[Ids], sizes: Sequence[int]) -> None:
        """Says that the places of `whole` are all combinations of those of `parts`."""
        self._products.append(Product(whole, tuple(parts), tuple(sizes)))

    def solve(self, refused: bool = True) -> np.ndarray:
        """Identity -> the least identity that is one with it; `FIXED` where one can't go.

        A product can follow one of its parts alone. Where the rest of the program leaves several
        free, it is one that has parameters, not repetitions; and of those the last, so that a group
        norm keeps its number of groups.
        """
        while True:
            labels = self._components(refused)
            waiting = [p for p in self._products if not self._settle(p, labels)]
            if len(waiting) == len(self._products) and waiting:
                parts = [part for part in waiting[0].parts if _free(part, labels)]
                mine = np.unique(labels[np.concatenate(self.learned)]) if self.learned else ()
                owned = [part for part in parts if np.isin(labels[part], mine).any()]
                for part in parts:
                    if part is not (owned or parts)[-1]:
                        self.fix(part)
            elif not self._products:
                return labels
            self._products = waiting

    def _settle(self, product: Product, labels: np.ndarray) -> bool:
        """Whether the product has become plain pairs."""
        whole, parts, sizes = product
        free = [i for i, part in enumerate(parts) if _free(part, labels)]
        if not _free(whole, labels):
            free = []
        if len(free) > 1:
            return False
        for i, part in enumerate(parts):
            if i not in free:
                self.fix(part)
        if not free:
            self.fix(whole)
            return True
        (i,) = free
        shape = [1] * i + [-1] + [1] * (len(parts) - i - 1)
        part = np.asarray(parts[i]).reshape(shape)
        self._pairs.append((np.asarray(whole), np.broadcast_to(part, sizes).ravel()))
        return True

    def _components(self, refused: bool) -> np.ndarray:
        pairs = [*self._pairs]
        if refused:
            pairs += [(ids, np.zeros_like(ids)) for ids, _ in self.refusals]
        labels = np.arange(self.count)
        if not pairs:
            return labels
        a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
        while True:
            # Hook the larger of two roots below the smaller, then shorten all ways to the root.
            x, y = labels[a], labels[b]
            apart = x != y
            if not apart.any():
                return labels
            a, b, x, y = a[apart], b[apart], x[apart], y[apart]
            np.minimum.at(labels, np.maximum(x, y), np.minimum(x, y))
            while not np.array_equal(shorter := labels[labels], labels):
                labels = shorter


def _free(ids: Ids, labels: np.ndarray) -> bool:
    return ids is not None and bool((labels[ids] != FIXED).any())
