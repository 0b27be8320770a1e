"""Scales: parameters that switch channels off as a whole, found by what is computed with them.

While the scale of a channel is zero, and the shift beside it, no layer behind them should hear of
that channel. Every value has a level for each channel group on its axes, under the assumption that
all scales and shifts of the group are zero:

    ZERO   it is zero
    MUTE   it depends on no input: a constant, such as the sigmoid of zero
    LOUD   it may depend on the inputs
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganc import channels
from ganc.discovery.contractions import is_depthwise
from ganc.discovery.gates import ALL, ANY, FIRST, summed
from ganc.discovery.groups import Discovery
from ganc.discovery.program import Operand, Program, Step

LOUD, MUTE, ZERO = 0, 1, 2
_HANDED_ON = {"broadcast_in_dim", "convert_element_type", "copy", "reshape", "squeeze", "transpose"}
_SUMS = {"add", "add_any", "sub"}


@dataclass(frozen=True)
class Scaled:
    """A channel group that scales switch off.

    Attributes:
        group: the channel group.
        scales: paths of parameters; none of them can be left out.
        shifts: paths of what is added behind them.
        makers: how many kernels make the group.
    """

    group: str
    scales: tuple[str, ...]
    shifts: tuple[str, ...]
    makers: int


def scaled_groups(found: Discovery, statistics: Collection[str] = ()) -> list[Scaled]:
    """The groups that scales switch off, in the order in which the network makes them.

    A norm that sums over channels is no layer that hears them. What a loop carries on is loud.

    Args:
        found: of a network.
        statistics: paths of parameters that are measured, which are no scales.
    """
    ignored = set(statistics)
    flow = _Flow(found, ignored)
    factors = {
        group: list(dict.fromkeys(flow.factors[group]))
        for group in flow.makers
        if group in flow.factors and group not in flow.heard
    }
    # Scales that the others can do without are none; one of each group is tried at a time.
    for turn in range(max(map(len, factors.values()), default=0)):
        tried = {group: names[-1 - turn] for group, names in factors.items() if turn < len(names)}
        without = _Flow(found, ignored | set(tried.values()))
        ignored |= {name for group, name in tried.items() if group not in without.heard}
    last = _Flow(found, ignored)
    needed = {
        group: tuple(n for n in names if n not in ignored) for group, names in factors.items()
    }
    return [
        Scaled(group, needed[group], tuple(dict.fromkeys(last.shifts.get(group, ()))), len(kernels))
        for group, kernels in last.makers.items()
        if needed.get(group)
    ]


class _Flow:
    """One pass along the steps.

    Attributes:
        makers: group -> the kernels that make it, each as the parameters that it is made of.
        factors: group -> paths of the parameters that make products zero.
        shifts: group -> paths of those that are added to what is zero.
        heard: groups that some layer hears though they are switched off.
    """

    def __init__(self, found: Discovery, ignored: Collection[str]) -> None:
        self.makers: dict[str, set[Any]] = {}
        self.factors: dict[str, list[str]] = {}
        self.shifts: dict[str, list[str]] = {}
        self.heard: set[str] = set()
        self._found = found
        self._levels: dict[tuple[int, str], int] = {}
        self._origin: dict[int, str] = {}  # a vector of parameters, and what is made of it alone
        for number, path in zip(found.program.inputs, found.parameters, strict=False):
            group = self._vector(number)
            if group and path not in ignored:
                self._origin[number] = path
                self._levels[number, group] = ZERO
        self._moving = set(found.program.inputs[len(found.parameters) :])
        # What does not move is made of these parameters.
        self._roots = {number: frozenset([number]) for number in found.program.inputs}
        self._steps(found.program)

    def _steps(self, program: Program) -> None:
        for step in program.steps:
            self._origins(step)
            if step.body is None:
                self._step(step)
            else:
                self._loop(step, step.body)

    def _origins(self, step: Step) -> None:
        """Keeps what is made of which parameters, and what of inputs too."""
        if any(map(self._moves, step.operands)):
            self._moving.update(step.results)
            return
        roots = [self._roots.get(o, frozenset()) for o in step.operands if isinstance(o, int)]
        self._roots |= dict.fromkeys(step.results, frozenset().union(*roots))

    def _loop(self, step: Step, body: Program) -> None:
        constants, count = self._found.program.loop(step)
        carried = range(constants, constants + count)
        for i, (number, operand) in enumerate(zip(body.inputs, step.operands, strict=True)):
            if i in carried or self._moves(operand):
                self._moving.add(number)
            elif isinstance(operand, int):
                self._roots[number] = self._roots.get(operand, frozenset())
            for group in self._names(number):
                level = self._level(operand, group)
                still = i not in carried and not self._moves(operand)
                self._levels[number, group] = (
                    LOUD if i in carried else min(level, MUTE + (not still))
                )
        self._steps(body)
        self._moving.update(step.results)
        for i, (result, output) in enumerate(zip(step.results, body.outputs, strict=True)):
            for group in self._names(result):
                self._levels[result, group] = LOUD if i < count else self._level(output, group)

    def _vector(self, number: int) -> str | None:
        """The group of a parameter that has a number for each of its channels, and no others."""
        shape, groups = self._found.program.shapes[number].shape, self._found.groups[number]
        wide = [set(channels.names(g)) for size, g in zip(shape, groups, strict=True) if size > 1]
        return wide[0].pop() if len(wide) == 1 and len(wide[0]) == 1 else None

    def _step(self, step: Step) -> None:
        first = step.operands[0] if step.operands else None
        if step.name in _HANDED_ON and isinstance(first, int) and first in self._origin:
            self._origin[step.results[0]] = self._origin[first]
        if self._sums_over_layers(step):
            self._listen(step)
        for result in step.results:
            for group in self._names(result):
                level = self._levels[result, group] = self._level_of_result(step, group)
                if level == ZERO:
                    self._note(step, group)

    def _sums_over_layers(self, step: Step) -> bool:
        if step.name == "conv_general_dilated":
            return not is_depthwise(step, self._found.program.aval(step.operands[0]).shape)
        return step.name == "dot_general"

    def _listen(self, step: Step) -> None:
        """Which groups a layer hears, and which it makes."""
        for axes in summed(step, self._found.program):
            pair = list(zip(step.operands, axes, strict=True))
            for group in {g for o, axis in pair for g in self._names(o, axis)}:
                levels = [self._level(o, group) if self._moves(o) else MUTE for o, _ in pair]
                if min(levels) == LOUD and ZERO not in levels:
                    self.heard.add(group)
        if any(map(self._moves, step.operands)):
            for operand, axis in self._free(step):
                if not self._moves(operand):
                    for group in self._names(operand, axis):
                        self.makers.setdefault(group, set()).add(self._roots.get(operand))

    def _free(self, step: Step) -> Iterator[tuple[int, int]]:
        """Operands of a layer with those of their axes that its result has too."""
        program = self._found.program
        if step.name == "conv_general_dilated":
            kernel = step.operands[1]
            axes = [(kernel, step.params["dimension_numbers"].rhs_spec[0])]
        else:
            sums = list(zip(*summed(step, program), strict=True)) or [(), ()]
            axes = [
                (operand, axis)
                for operand, gone in zip(step.operands, sums, strict=True)
                for axis in range(len(program.aval(operand).shape))
                if axis not in gone
            ]
        yield from ((operand, axis) for operand, axis in axes if isinstance(operand, int))

    def _level_of_result(self, step: Step, group: str) -> int:
        carrying = [o for o in step.operands if group in self._names(o)]
        levels = [self._level(operand, group) for operand in step.operands]
        if step.name in ("concatenate", "stack"):
            return min(self._level(operand, group) for operand in carrying)
        if self._sums_over_layers(step):
            free = [o for o, axis in self._free(step) if group in self._names(o, axis)]
            if any(self._moves(o) and self._level(o, group) == ZERO for o in free):
                return ZERO
            return LOUD if any(map(self._moves, step.operands)) else MUTE
        if step.name in ANY and ZERO in levels:
            return ZERO
        whole = step.name in FIRST or (step.name == "integer_pow" and step.params["y"] > 0)
        if (whole or step.name == "conv_general_dilated") and levels[0] == ZERO:
            return ZERO
        if step.name == "select_n" and set(levels[1:]) == {ZERO}:
            return ZERO
        return min(levels) if whole or step.name in ALL else min(*levels, MUTE)

    def _note(self, step: Step, group: str) -> None:
        """What made a result zero, or did not change that."""
        for operand in step.operands:
            path = self._origin.get(operand) if isinstance(operand, int) else None
            if path is None or group not in self._names(operand) or step.name in _HANDED_ON:
                continue
            if step.name in ANY:
                self.factors.setdefault(group, []).append(path)
            elif step.name in _SUMS:
                self.shifts.setdefault(group, []).append(path)

    def _level(self, operand: Operand, group: str) -> int:
        if not isinstance(operand, int):
            return MUTE if np.any(operand.val) else ZERO
        return self._levels.get((operand, group), LOUD if self._moves(operand) else MUTE)

    def _moves(self, operand: Operand) -> bool:
        return isinstance(operand, int) and operand in self._moving

    def _names(self, operand: Operand, axis: int | None = None) -> set[str]:
        """The groups on an axis of a value, or on all."""
        if not isinstance(operand, int):
            return set()
        groups = self._found.groups[operand]
        chosen = groups if axis is None else groups[axis : axis + 1]
        return {name for group in chosen for name in channels.names(group)}
