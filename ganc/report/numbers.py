"""Numbers of a report as text."""

import math
from typing import Any, TypeGuard

import numpy as np


def si(value: float) -> str:
    """Three significant digits and a unit prefix, as in `31.6 M`."""
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 0.9995 * 10**power:
            return f"{significant(value / 10**power)} {prefix}"
    return significant(value)


def significant(value: float, digits: int = 3) -> str:
    """`digits` significant digits in plain notation where that is readable."""
    if value == 0 or not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    after = digits - 1 - math.floor(math.log10(float(f"{abs(value):.{digits}g}")))
    return f"{value:.{max(0, after)}f}"


def times(ratio: float) -> str:
    """A ratio, as in `9.7×`."""
    return f"{ratio:.1f}×" if ratio < 99.5 else f"{ratio:.0f}×"


def numeric(value: Any) -> bool:
    """Whether `value` is a number, finite or not."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def finite(value: Any) -> TypeGuard[float]:
    """Whether `value` is a number that can be drawn or printed."""
    return numeric(value) and math.isfinite(value)
