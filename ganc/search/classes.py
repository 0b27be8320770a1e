"""Shape classes: slice between, mask within.

A masked network pays for its full width, a specialised one pays a compilation. So architectures are
grouped into a few classes, each as wide in every slot as its widest member. The weights are sliced
to the shape of the class, which is compiled once; its members are masks inside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganc.search.space import Space
from ganc.types import Arch, Widths

Cost = Callable[[Any], Any]
"""Widths, integers or arrays of them -> multiply-adds."""


@dataclass(frozen=True)
class ShapeClasses:
    """A cover of a space: every architecture has a cheapest class that contains it.

    Attributes:
        space: the space they cover.
        classes: shapes, by rising cost; the last is the largest of the space.
    """

    space: Space
    classes: tuple[Arch, ...]

    def containing(self, arch: Arch) -> Arch:
        """The cheapest class that contains `arch`."""
        for shape in self.classes:
            if all(entry <= limit for entry, limit in zip(arch, shape, strict=True)):
                return shape
        raise ValueError(f"{arch} is wider than the space")

    def masked(self, arch: Arch) -> tuple[dict[str, np.ndarray], Widths]:
        """The masks of `arch` inside its class, and the widths of that, hashable."""
        shape = self.space.widths(self.containing(arch))
        return {group: mask[0] for group, mask in self.space.masks([arch], shape).items()}, shape


def shape_classes(
    space: Space, archs: Sequence[Arch], cost: Cost, compile_cost: float, limit: int = 32
) -> ShapeClasses:
    """Groups a sample of architectures so that compilation and waste together cost least.

    Starting from a class per architecture, the two classes whose union wastes least are merged
    while the waste is worth less than a compilation, or there are more than `limit`. The choice is
    a function of its arguments alone: classes picked by measured times would make two runs of one
    seed differ in their last bits.

    Args:
        space: the space that the classes must cover.
        archs: what will be run, or a sample of it.
        cost: multiply-adds of one run at given widths.
        compile_cost: multiply-adds that could be done in the time of one compilation, divided by
            the number of runs that each member of `archs` stands for.
        limit: the most classes to make, the largest of the space aside.
    """
    if not archs:
        return ShapeClasses(space, (space.largest,))
    shapes, counts = np.unique(np.asarray(archs, np.int64), axis=0, return_counts=True)
    costs = _cost(space, cost, shapes)
    # waste[i, j]: what merging i and j adds to the cost of running their members.
    waste = np.full((len(shapes), len(shapes)), np.inf)

    def update(i: int) -> None:
        union = np.maximum(shapes, shapes[i])
        added = _cost(space, cost, union) * (counts + counts[i]) - costs * counts
        added = added - costs[i] * counts[i]
        added[(counts == 0) | (np.arange(len(shapes)) == i)] = np.inf
        waste[i], waste[:, i] = added, added

    for i in range(len(shapes)):
        update(i)
    alive = len(shapes)
    while alive > 1:
        i, j = divmod(int(np.argmin(waste)), len(shapes))
        if waste[i, j] > compile_cost and alive <= limit:
            break
        shapes[i] = np.maximum(shapes[i], shapes[j])
        costs[i] = _cost(space, cost, shapes[i : i + 1])[0]
        counts[i], counts[j] = counts[i] + counts[j], 0
        waste[j], waste[:, j] = np.inf, np.inf
        update(i)
        alive -= 1
    kept = {tuple(map(int, shape)) for shape in shapes[counts > 0]} | {space.largest}
    return ShapeClasses(space, tuple(sorted(kept, key=lambda s: (int(cost(space.widths(s))), s))))


def _cost(space: Space, cost: Cost, archs: np.ndarray) -> np.ndarray:
    return np.asarray(cost(space.widths(tuple(archs.T))), np.float64)
