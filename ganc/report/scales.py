"""Numbers of a report as text, and as places on the axes of its drawings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


def round_si(value: float) -> str:
    """`si` of a round number, without trailing zeros."""
    number, _, unit = si(value).partition(" ")
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{number} {unit}".strip()


def numeric(value: Any) -> bool:
    """Whether `value` is a number, finite or not."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def finite(value: Any) -> bool:
    """Whether `value` is a number that can be drawn or printed."""
    return numeric(value) and math.isfinite(value)


def ticks(low: float, high: float, count: int, log: bool = False) -> list[float]:
    """About `count` round values in [low, high]; on a logarithmic axis 1, 2, 5 of each decade."""
    if log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        for steps in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
            values = [s * 10.0**p for p in range(first, last + 1) for s in steps]
            values = [value for value in values if low <= value <= high]
            if len(values) <= count + 2:
                break
        return values if len(values) > 1 else ticks(low, high, count)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= 0.999 * rough)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Axis:
    """A scale from values to user units of the drawing.

    Attributes:
        low, high: the values at `start` and `stop`.
        start, stop: user units; `start` may be the larger one.
        log: equal ratios take equal room.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool

    def __call__(self, value: float) -> float:
        """The place of `value`, in user units."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (value - low) / (high - low) * (self.stop - self.start)


def fit(values: Sequence[float], start: float, stop: float, below: float = 0.06) -> Axis:
    """An axis with air around `values`, logarithmic where they span a factor of 8 or more.

    Args:
        values: what has to be visible.
        start, stop: user units.
        below: room under the lowest value, as a share of the span.
    """
    low, high = min(values), max(values)
    log = low > 0 and high / low >= 8
    if log:
        span = high / low
        return Axis(low / span**below, high * span**0.06, start, stop, True)
    span = (high - low) or abs(high) or 1.0
    return Axis(low - below * span, high + 0.06 * span, start, stop, False)
