"""Pareto fronts of scored architectures."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Scored(Protocol):
    """Anything with a cost and a score, both better when lower."""

    @property
    def cost(self) -> float:
        """What a budget limits."""
        ...

    @property
    def score(self) -> float:
        """The objective."""
        ...


T = TypeVar("T", bound=Scored)


def front(points: Sequence[T]) -> list[T]:
    """The points that no other beats in one objective without losing in the other.

    Returned by rising cost, so by falling score. Of points that are equal in both, the first stays.
    """
    result: list[T] = []
    for point in sorted(points, key=lambda p: (p.cost, p.score)):
        if not result or point.score < result[-1].score:
            result.append(point)
    return result


def ranked(points: Sequence[T]) -> list[T]:
    """By rising score, of equal ones the cheapest first."""
    return sorted(points, key=lambda point: (point.score, point.cost))
