"""Running a program at other widths than it was traced at, and under masks."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ganc import channels
from ganc.discovery.contractions import is_depthwise
from ganc.discovery.gates import Plan
from ganc.discovery.groups import Discovery
from ganc.discovery.program import Operand, Program, Step
from ganc.types import Group, Masks, Widths


def run(
    discovery: Discovery, plan: Plan, arguments: Sequence[Any], widths: Widths, masks: Masks | None
) -> list[Any]:
    """The outputs of the program.

    Numbers that stand in it stay what they were, such as the root of the length of an attention's
    keys; only where a sum over channels is divided by their number, it is by that of those left.

    Args:
        discovery: of the program.
        plan: its gates and means.
        arguments: the flattened arguments, the parameters at `widths`.
        widths: of all groups.
        masks: over `widths`; None for none.
    """
    return _Evaluation(discovery, plan, widths, masks).program(discovery.program, arguments)


class _Evaluation:
    """One evaluation: what is at hand for all its steps."""

    def __init__(
        self, discovery: Discovery, plan: Plan, widths: Widths, masks: Masks | None
    ) -> None:
        self._discovery, self._plan = discovery, plan
        self._widths, self._masks = widths, masks
        self._values: dict[int, Any] = {}
        for number, value in discovery.program.constants.items():
            array = np.asarray(value)
            ends = [slice(size) for size in self.shape(number)]
            self._values[number] = self._gated(number, array[tuple(ends)] if ends else value)

    def shape(self, number: int) -> tuple[int, ...]:
        """The shape of a value at these widths."""
        aval, groups = self._discovery.program.shapes[number], self._discovery.groups[number]
        return tuple(map(self.length, groups, aval.shape))

    def length(self, group: Group, full: int) -> int:
        """The length of an axis at these widths."""
        return full if group is None else channels.count(group, self._widths)

    def program(self, program: Program, arguments: Sequence[Any]) -> list[Any]:
        """The outputs of a program, or of the body of a loop."""
        for number, argument in zip(program.inputs, arguments, strict=True):
            self._values[number] = self._gated(number, argument)
        for step in program.steps:
            results = self._step(step, [self._read(operand) for operand in step.operands])
            for number, result in zip(step.results, results, strict=True):
                self._values[number] = self._gated(number, result)
        return [self._read(output) for output in program.outputs]

    def _read(self, operand: Operand) -> Any:
        return self._values[operand] if isinstance(operand, int) else operand.val

    def _gated(self, number: int, value: Any) -> Any:
        if self._masks is None or number not in self._plan.gates:
            return value
        for axis, group in enumerate(self._discovery.groups[number]):
            if group is not None:
                mask = channels.mask_of(group, self._masks).astype(value.dtype)
                value = value * jnp.expand_dims(mask, range(1, value.ndim - axis))
        return value

    def _step(self, step: Step, values: list[Any]) -> Sequence[Any]:
        if step.name == "relu":
            return [jax.nn.relu(values[0])]
        if step.name == "scan":
            return self._scan(step, values)
        if (summed := self._plan.means.get(step.results[0])) is not None:
            count = prod(self._active(group, full) for group, full in summed)
            count = count if step.name == "div" else 1 / count
            values[1] = jnp.asarray(count, values[0].dtype)
        params = dict(step.params)
        if step.name in _RESIZED:
            params |= _RESIZED[step.name](self, step)
        results = step.primitive.bind(*values, **step.primitive.get_bind_params(params))
        return results if step.primitive.multiple_results else [results]

    def _active(self, group: Group, full: int) -> Any:
        if group is None or self._masks is None:
            return self.length(group, full)
        return sum(self._masks[name].sum() for name in channels.names(group))

    def _scan(self, step: Step, values: list[Any]) -> Sequence[Any]:
        body = step.body
        assert body is not None
        constants, count = self._discovery.program.loop(step)
        rows = constants + count

        def once(carried, row):
            results = self.program(body, [*values[:constants], *carried, *row])
            return results[:count], results[count:]

        params = {key: step.params[key] for key in ("length", "reverse", "unroll")}
        carried, results = lax.scan(once, values[constants:rows], values[rows:], **params)
        return [*carried, *results]

    def offset(self, number: int, axis: int, place: int) -> int:
        """Where a place between two groups of an axis lies at these widths."""
        group = self._discovery.groups[number][axis]
        old = new = 0
        full = self._discovery.widths
        for name in channels.names(group):
            if old == place:
                break
            old, new = old + full[name], new + self._widths[name]
        return place if group is None else new


def _shape(name: str) -> Callable[[_Evaluation, Step], Mapping[str, Any]]:
    return lambda now, step: {name: now.shape(step.results[0])}


def _slice(now: _Evaluation, step: Step) -> Mapping[str, Any]:
    def moved(key: str) -> tuple[int, ...]:
        (number,) = step.operands
        assert isinstance(number, int)
        return tuple(now.offset(number, axis, at) for axis, at in enumerate(step.params[key]))

    return {key: moved(key) for key in ("start_indices", "limit_indices")}


def _split(now: _Evaluation, step: Step) -> Mapping[str, Any]:
    return {"sizes": tuple(now.shape(result)[step.params["axis"]] for result in step.results)}


def _slice_sizes(now: _Evaluation, step: Step) -> Mapping[str, Any]:
    number, sizes = step.operands[0], step.params["slice_sizes"]
    assert isinstance(number, int)
    groups = now._discovery.groups[number]
    return {"slice_sizes": tuple(map(now.length, groups, sizes))}


def _depthwise(now: _Evaluation, step: Step) -> Mapping[str, Any]:
    number = step.operands[0]
    assert isinstance(number, int)
    if not is_depthwise(step, now._discovery.program.shapes[number].shape):
        return {}
    axis = step.params["dimension_numbers"].lhs_spec[1]
    return {"feature_group_count": now.shape(number)[axis]}


_RESIZED: Mapping[str, Callable[[_Evaluation, Step], Mapping[str, Any]]] = {
    "broadcast_in_dim": _shape("shape"),
    "reshape": _shape("new_sizes"),
    "iota": _shape("shape"),
    "slice": _slice,
    "split": _split,
    "gather": _slice_sizes,
    "dynamic_slice": _slice_sizes,
    "conv_general_dilated": _depthwise,
}
"""Primitive -> those of its parameters that are lengths, at the widths of an evaluation."""
