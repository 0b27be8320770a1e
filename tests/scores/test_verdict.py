import math

import pytest

from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.scores.row import Row
from ganc.scores.verdict import level

KID, L1 = "kid[lite0@128,last,report215-vs-real215]", "l1[last,report215-vs-truth]"
SSIM, TO_TEACHER = "ssim[last,report215-vs-truth]", "l1[last,report215-vs-teacher]"
NUMBERS = {KID: 0.410, L1: 0.0651, SSIM: 0.45, TO_TEACHER: 0.03}
INTERVALS = {KID: (0.36, 0.46), L1: (0.0610, 0.0690), TO_TEACHER: (0.02, 0.04)}


def row(name, numbers, intervals=()):
    """A row with the numbers and intervals."""
    known = dict(intervals)
    return Row(name, {key: Value(number, known.get(key)) for key, number in numbers.items()})


def student(numbers=NUMBERS, intervals=INTERVALS):
    return row("student", numbers, intervals)


TEACHER = row("teacher", {KID: 0.368, L1: 0.0614, SSIM: 0.476})


def test_within_its_intervals_a_student_is_level():
    found = level(student(), TEACHER)
    assert found.level is True
    assert [(o.protocol, o.level) for o in found.outcomes] == [(KID, True), (L1, True)]
    assert str(found) == (
        "level with its teacher: yes (kid 0.410, interval 0.360 to 0.460, teacher 0.368; "
        "l1 0.0651, interval 0.0610 to 0.0690, teacher 0.0614)"
    )


def test_one_metric_that_is_worse_is_enough():
    worse = student(intervals={KID: (0.369, 0.46), L1: (0.061, 0.069)})
    found = level(worse, TEACHER)
    assert [o.level for o in found.outcomes] == [False, True] and found.level is False
    assert str(found).startswith("level with its teacher: no (kid 0.410, interval 0.369 to 0.460")


def test_the_end_itself_and_better_numbers_are_level():
    assert level(student(intervals={KID: (0.368, 0.46), L1: (0.0614, 0.07)}), TEACHER).level
    better = student({KID: 0.2}, {KID: (0.1, 0.3)})
    assert level(better, TEACHER).level


@pytest.mark.parametrize("high, expected", [(0.48, True), (0.476, True), (0.47, False)])
def test_what_is_better_when_higher(high, expected):
    found = student(intervals={SSIM: (0.44, high)})
    assert level(found, TEACHER, ("ssim",)).level is expected


def test_without_an_interval_nothing_is_said():
    found = level(student(intervals={KID: (0.36, 0.46)}), TEACHER)
    assert [o.level for o in found.outcomes] == [True, None] and found.level is None
    assert str(found) == (
        "level with its teacher: cannot be told (kid 0.410, interval 0.360 to 0.460, teacher "
        "0.368; l1 0.0651, no interval, teacher 0.0614)"
    )
    assert level(student(intervals={KID: (0.4, 0.46)}), TEACHER).level is False
    unpaired = level(Row("student", {}), TEACHER)
    assert unpaired.level is None and "no metric in common" in str(unpaired)
    unknown = row("teacher", {KID: math.nan})
    assert level(student(), unknown).level is None


def test_what_cannot_be_compared():
    other = row("teacher", {KID.replace("128", "64"): 0.4})
    with pytest.raises(UserError, match="kid of the student and of the teacher cannot be compared"):
        level(student(), other)
    with pytest.raises(UserError, match="nobody knows which values of 'beauty' are better"):
        level(student(), TEACHER, ("beauty",))
