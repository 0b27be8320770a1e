import random
from dataclasses import dataclass

from ganc.search.pareto import front


@dataclass(frozen=True)
class Point:
    cost: int
    score: float
    name: str = ""


def test_front():
    points = [Point(3, 1.0), Point(1, 5.0), Point(2, 6.0), Point(2, 3.0), Point(4, 1.0)]
    assert front(points) == [Point(1, 5.0), Point(2, 3.0), Point(3, 1.0)]


def test_no_points_and_one_point():
    assert front([]) == []
    assert front([Point(1, 1.0)]) == [Point(1, 1.0)]


def test_of_equals_the_first_stays():
    points = [Point(1, 1.0, "first"), Point(1, 1.0, "second")]
    assert [point.name for point in front(points)] == ["first"]


def test_agrees_with_the_definition():
    rng = random.Random(0)
    points = list({(rng.randrange(20), rng.randrange(20)) for _ in range(60)})
    points = [Point(macs, float(score)) for macs, score in points]

    def beaten(point):
        return any(
            other.cost <= point.cost and other.score <= point.score and other != point
            for other in points
        )

    expected = sorted((p for p in points if not beaten(p)), key=lambda p: p.cost)
    assert front(points) == expected
    assert 1 < len(expected) < len(points)
