"""Whether a student is level with its teacher, as far as the intervals can tell."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from ganc.errors import UserError
from ganc.metrics.bootstrap import Interval
from ganc.metrics.protocol import Protocol, comparable, direction
from ganc.scores.row import Row

METRICS = ("kid", "l1")
"""What is looked at: the distribution, and the truth where it is known."""


@dataclass(frozen=True)
class Outcome:
    """One metric of a student beside its teacher's.

    Attributes:
        protocol: of both numbers.
        student: the student's number.
        teacher: the teacher's.
        interval: the student's; None where it has none, and then nothing can be said.
    """

    protocol: str
    student: float
    teacher: float
    interval: Interval | None

    @property
    def level(self) -> bool | None:
        """Whether the better end of the student's interval reaches the teacher's number."""
        if self.interval is None or not math.isfinite(self.teacher):
            return None
        low, high = self.interval
        lower = direction(Protocol.parse(self.protocol).metric) == "lower"
        return low <= self.teacher if lower else high >= self.teacher

    def __str__(self) -> str:
        places = _places(self.student, self.teacher)
        ends = "no interval"
        if self.interval is not None:
            ends = f"interval {self.interval[0]:.{places}f} to {self.interval[1]:.{places}f}"
        return (
            f"{Protocol.parse(self.protocol).metric} {self.student:.{places}f}, {ends}, "
            f"teacher {self.teacher:.{places}f}"
        )


@dataclass(frozen=True)
class Comparison:
    """A student beside its teacher.

    Attributes:
        outcomes: one for each protocol that both were scored by, in the order of the student's.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def level(self) -> bool | None:
        """Whether every outcome is level; None where none is worse and not all can be told."""
        found = [outcome.level for outcome in self.outcomes]
        if False in found:
            return False
        return None if None in found or not found else True

    def __str__(self) -> str:
        answer = {True: "yes", False: "no", None: "cannot be told"}[self.level]
        seen = "; ".join(map(str, self.outcomes)) or "no metric in common"
        return f"level with its teacher: {answer} ({seen})"


def level(student: Row, teacher: Row, metrics: Collection[str] = METRICS) -> Comparison:
    """Compares a student with its teacher: worse only where its interval says so.

    In a metric that is better when lower, the student is level where the lower end of its interval
    is at most the teacher's number; in one that is better when higher, where the upper end is at
    least that. A better student is level too. The interval is that of other pictures alone: it
    says nothing of another training, and the fewer pictures, the easier it is to be level.

    Args:
        student: its row.
        teacher: the teacher's, scored on the same pictures.
        metrics: names of those to look at; a distance to the teacher is none of them, since the
            teacher has none.

    Raises:
        UserError: both have a metric under different protocols alone, or nobody knows which
            values of it are better.
    """
    for metric in metrics:
        if not direction(metric):
            raise UserError(f"nobody knows which values of {metric!r} are better")

    def wanted(row: Row) -> dict[str, float]:
        return {p: v for p, v in row.metrics.items() if Protocol.parse(p).metric in metrics}

    own, full = wanted(student), wanted(teacher)
    comparable({"the student": own, "the teacher": full})
    return Comparison(
        tuple(
            Outcome(protocol, own[protocol], full[protocol], student.values[protocol].interval)
            for protocol in own
            if protocol in full
        )
    )


def _places(*values: float) -> int:
    """How many decimals show three digits of the largest value."""
    top = max((abs(value) for value in values if value and math.isfinite(value)), default=1)
    return min(6, max(0, 2 - math.floor(math.log10(top))))
