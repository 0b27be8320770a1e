"""The walk through a program that finds out which channels are one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ganc.discovery.identities import Identities, Ids
from ganc.discovery.program import Program, Step

Axes: TypeAlias = tuple[Ids, ...]
"""The identities on the axes of one value."""

Rule: TypeAlias = Callable[["Walk", Step, list[Axes]], list[Axes]]
"""Takes the identities on the axes of the operands of a step and gives those of its results."""


class Walk:
    """One walk through a program.

    What no rule understands is refused: all that it touches is fixed, and the report says so.

    Attributes:
        identities: what it finds out.
        axes: value -> the identities on its axes.
    """

    def __init__(self, program: Program, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self.identities = Identities()
        self.axes: dict[int, Axes] = {}
        self.loop = program.loop
        self._program = program
        for number, value in program.constants.items():
            self.axes[number] = self._constant(np.asarray(value))

    def shape(self, operand: Any) -> tuple[int, ...]:
        """The shape of an operand."""
        return self._program.aval(operand).shape

    def of(self, operand: Any) -> Axes:
        """The identities on the axes of an operand."""
        return self.axes[operand] if isinstance(operand, int) else ()

    def steps(self, program: Program) -> None:
        """Follows the channels through a program whose inputs are known."""
        for step in program.steps:
            known = len(self.identities.refusals)
            rule = self._rules.get(step.name, refuse)
            results = rule(self, step, [self.of(operand) for operand in step.operands])
            if len(self.identities.refusals) > known:
                results = list(map(self._doubtful, step.results, results))
            self.axes |= zip(step.results, results, strict=True)

    def _doubtful(self, result: int, axes: Axes) -> Axes:
        """The axes of a result of which something was refused, to tell what meets them why."""
        _, reason = self.identities.refusals[-1]
        fresh = self.identities.fresh(self.shape(result))
        for ids, new in zip(axes, fresh, strict=True):
            if ids is None:
                self.identities.fix(new, reason)
        return tuple(new if ids is None else ids for ids, new in zip(axes, fresh, strict=True))

    def _constant(self, value: np.ndarray) -> Axes:
        # Nobody could say later which places of a constant are left; where all are alike, any.
        axes = self.identities.fresh(value.shape)
        for axis, ids in enumerate(axes):
            if ids is not None and not np.array_equal(value, np.roll(value, 1, axis)):
                self.identities.fix(ids, f"a constant of {len(ids)} places")
        return axes


def refuse(walk: Walk, step: Step, axes: list[Axes], why: str = "") -> list[Axes]:
    """Fixes all that the step touches."""
    reason = f"{step.name} {why or 'is not understood'} in {step.where or 'the function'}"
    for ids in (ids for operand in axes for ids in operand):
        walk.identities.fix(ids, reason)
    results = [walk.identities.fresh(walk.shape(result)) for result in step.results]
    for ids in (ids for result in results for ids in result):
        walk.identities.fix(ids, reason)
    return results


def agreed(walk: Walk, several: Sequence[Ids]) -> Ids:
    """Joins several axes to one."""
    result = several[0] if several else None
    for other in several[1:]:
        result = walk.identities.same(result, other)
    return result


def only(walk: Walk, step: Step, axes: Axes, kept: set[int], why: str) -> Axes:
    """Lets the axes `kept` pass and fixes the others."""
    for i, ids in enumerate(axes):
        if i not in kept:
            walk.identities.fix(ids, f"{step.name} {why} in {step.where or 'the function'}")
    return tuple(ids if i in kept else None for i, ids in enumerate(axes))
