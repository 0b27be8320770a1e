"""Where channels are switched off: the fewest values that a mask must multiply.

A sum over channels is right under a mask if the channels that are left out are exactly zero in it.
So every value that is summed over its channels (by a convolution, a product of matrices, a
reduction) must be zero there, by what made it or by a gate where it is born.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ganc.discovery.contractions import is_depthwise
from ganc.discovery.groups import Discovery
from ganc.discovery.program import Operand, Program, Step
from ganc.types import Group

# Zeros of the first operand stay zeros; of any; of all.
FIRST = set(
    """
abs asin asinh atan atan2 atanh broadcast_in_dim cbrt ceil convert_element_type copy copy_p cummax
cummin cumsum device_put div dynamic_slice erf expm1 floor gather imag log1p name neg
optimization_barrier real reduce_max reduce_min reduce_precision reduce_sum reduce_window_max
reduce_window_min reduce_window_sum relu rem reshape rev round sharding_constraint sign sin sinh
slice split sqrt square squeeze stop_gradient tan tanh tile transpose unstack
""".split()
)
ANY = {"mul", "and"}
ALL = {"add", "add_any", "concatenate", "max", "min", "or", "pad", "stack", "sub", "xor"}
# What hands its operand on, place by place: a gate before it serves all that follow.
_PLAIN = set(
    """
abs broadcast_in_dim convert_element_type copy name neg pad relu reshape rev slice split square
squeeze tanh transpose
""".split()
)


@dataclass(frozen=True, eq=False)
class Plan:
    """What an evaluation under masks, or at smaller widths, does beside the steps themselves.

    Attributes:
        gates: values that are multiplied by their masks when they are born.
        means: first result of a step that divides a sum over channels by their number -> for each
            axis that was summed its groups and its full length.
    """

    gates: frozenset[int]
    means: Mapping[int, tuple[tuple[Group, int], ...]]


def plan(discovery: Discovery) -> Plan:
    """The gates and the means of a program."""
    first = _Pass(discovery, frozenset())
    second = _Pass(discovery, frozenset(first.wanted))
    assert not second.wanted, "what is gated is zero"
    return Plan(frozenset(second.gates), second.means)


class _Pass:
    """One pass over the steps, with the values that are to be zero where they are born."""

    def __init__(self, discovery: Discovery, gated: frozenset[int]) -> None:
        self.gates: set[int] = set()
        self.wanted: set[int] = set()
        self.means: dict[int, tuple[tuple[Group, int], ...]] = {}
        self._groups, self._program = discovery.groups, discovery.program
        self._gated = gated
        self._zero: set[int] = set()  # zero at the channels that are left out, or everywhere
        self._moving = discovery.moving
        self._origin: dict[int, int] = {}  # zero there is zero here
        self._sums: dict[int, tuple[tuple[Group, int], ...]] = {}
        program = discovery.program
        for number in (*program.inputs, *program.constants):
            self._born(number, False)
        self._steps(program)
        for output in program.outputs:
            if isinstance(output, int) and any(self._groups[output]):
                self._want([output])

    def _steps(self, program: Program) -> None:
        for step in program.steps:
            for operands in contracted(step, self._program, self._groups):
                self._want(operands)
            if step.body is not None:
                self._enter(step)
            zero = self._keeps_zero(step)
            for result in step.results:
                self._born(result, zero)
                self._climb(step, result)
            self._mean(step)

    def _enter(self, step: Step) -> None:
        assert step.body is not None
        constants, carried = self._program.loop(step)
        for i, (number, operand) in enumerate(zip(step.body.inputs, step.operands, strict=True)):
            loops = constants <= i < constants + carried
            self._born(number, not loops and self._is_zero(operand))
        self._steps(step.body)

    def _born(self, number: int, zero: bool) -> None:
        if not zero and number in self._gated:
            self.gates.add(number)
            zero = True
        if zero:
            self._zero.add(number)

    def _climb(self, step: Step, result: int) -> None:
        first = step.operands[0] if step.operands else None
        if step.name not in _PLAIN or not isinstance(first, int):
            return
        zero_padded = all(self._is_nothing(operand) for operand in step.operands[1:])
        if self._channels(first) == self._channels(result) and (step.name != "pad" or zero_padded):
            self._origin[result] = self._origin.get(first, first)

    def _want(self, operands: list[int]) -> None:
        """One of the operands must be zero: one that is, or else an activation."""
        if not any(operand in self._zero for operand in operands):
            activations = [operand for operand in operands if operand in self._moving]
            chosen = (activations or operands)[0]
            self.wanted.add(self._origin.get(chosen, chosen))

    def _is_zero(self, operand: Operand) -> bool:
        return operand in self._zero if isinstance(operand, int) else not np.any(operand.val)

    def _keeps_zero(self, step: Step) -> bool:
        channels = self._channels(step.results[0])
        zeros = [
            self._is_zero(operand)
            and (self._channels(operand) >= channels > 0)
            or self._is_nothing(operand)
            for operand in step.operands
        ]
        if step.name in FIRST:
            return zeros[0]
        if step.name in ANY:
            return any(zeros)
        if step.name in ALL:
            return all(zeros)
        if step.name == "select_n":
            return all(zeros[1:])
        if step.name.startswith("scatter"):
            return zeros[0] and zeros[2]
        if step.name == "integer_pow":
            return zeros[0] and step.params["y"] > 0
        if step.name == "conv_general_dilated":
            shape = self._program.aval(step.operands[0]).shape
            return is_depthwise(step, shape) and zeros[0]
        return False

    def _is_nothing(self, operand: Operand) -> bool:
        """Whether it is zero everywhere: what has no channels is not partly zero."""
        return self._is_zero(operand) and not self._channels(operand)

    def _channels(self, operand: Operand) -> int:
        groups = self._groups[operand] if isinstance(operand, int) else ()
        return sum(group is not None for group in groups)

    def _mean(self, step: Step) -> None:
        """Follows sums over channels to the division that makes them means."""
        first = step.operands[0] if step.operands else None
        if step.name == "reduce_sum" and isinstance(first, int):
            shape, groups = self._program.aval(first).shape, self._groups[first]
            summed = tuple((groups[i], shape[i]) for i in step.params["axes"])
            if any(group is not None for group, _ in summed):
                self._sums[step.results[0]] = summed
        elif (summed := self._sums.get(first) if isinstance(first, int) else None) is None:
            return
        elif step.name in ("broadcast_in_dim", "reshape", "squeeze", "convert_element_type"):
            self._sums[step.results[0]] = summed
        elif step.name in ("div", "mul") and (value := scalar(step.operands[1])) is not None:
            count = float(prod(size for _, size in summed))
            whole = value if step.name == "div" else 1 / value if value else 0.0
            if np.isclose(whole, count, rtol=1e-6):
                self.means[step.results[0]] = summed


def scalar(operand: Operand) -> float | None:
    """The value of an operand that stands in the program as one number."""
    return None if isinstance(operand, int) or np.shape(operand.val) else float(operand.val)


def contracted(
    step: Step, program: Program, groups: Mapping[int, tuple[Group, ...]]
) -> Iterator[list[int]]:
    """For each channel axis that a step sums over, the operands of which one must be zero."""
    for axes in summed(step, program):
        numbers = [(o, i) for o, i in zip(step.operands, axes, strict=False) if isinstance(o, int)]
        if any(groups[number][axis] is not None for number, axis in numbers):
            yield [number for number, _ in numbers]


def summed(step: Step, program: Program) -> list[tuple[Any, ...]]:
    """For each axis that a step sums over, which it is of its operands."""
    if step.name == "reduce_sum":
        return [(axis,) for axis in step.params["axes"]]
    if step.name == "dot_general":
        return list(zip(*step.params["dimension_numbers"][0], strict=True))
    if step.name == "conv_general_dilated":
        numbers = step.params["dimension_numbers"]
        if not is_depthwise(step, program.aval(step.operands[0]).shape):
            return [(numbers.lhs_spec[1], numbers.rhs_spec[1])]
    return []
