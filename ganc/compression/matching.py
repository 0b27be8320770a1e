"""Which features of a student go with which of a teacher's that may be of another family."""

from typing import Literal

from ganc.runs.console import console
from ganc.types import Generator


def match_taps(
    weight: float, student: Generator, teacher: Generator
) -> Literal["name", "position"]:
    """How taps are paired: by their names, or, where none is shared, by position, which is said.

    Args:
        weight: of the distillation; without one nothing is paired.
        student: whose taps.
        teacher: of any family.
    """
    if not weight or student.taps.keys() & teacher.taps.keys():
        return "name"
    console.print(
        f"no tap of the student is one of the teacher's: {', '.join(student.taps)} are paired "
        f"with {', '.join(teacher.taps)} by their position",
        soft_wrap=True,
    )
    return "position"
