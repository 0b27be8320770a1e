"""A traced function as one flat list of steps.

JAX traces to nested equations whose inner parts are shared between calls. Here every call is
written out and every value has a number of its own, so that what is known about values are plain
tables. Only the body of a `scan` remains a list inside the list.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.extend.core import Literal

Operand: TypeAlias = int | Literal
"""The number of a value, or a scalar that stands in the program."""

_INLINED = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "checkpoint",
    "remat2",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
}


@dataclass(frozen=True, eq=False)
class Step:
    """One operation.

    Attributes:
        name: of its primitive.
        primitive: JAX's; None for `relu`, which keeps the derivative that JAX gives it at 0.
        params: what it is parametrised by.
        operands: what it takes.
        results: numbers of what it gives.
        where: the module it was traced in, as JAX's name stack has it.
        body: the steps inside a `scan`.
    """

    name: str
    primitive: Any
    params: Mapping[str, Any]
    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    where: str
    body: "Program | None" = None


@dataclass(frozen=True, eq=False)
class Program:
    """A function as steps.

    Attributes:
        inputs: numbers of the flattened arguments.
        steps: in their order.
        outputs: the flattened results.
        shapes: of every value, with its type; shared with the bodies inside.
        constants: number -> an array that the function closed over; shared likewise.
        tree: of the results.
        replaced: functions with a derivative of their own, which is that of their steps here.
    """

    inputs: tuple[int, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Operand, ...]
    shapes: list[Any]
    constants: dict[int, Any]
    tree: Any = None
    replaced: set[str] = field(default_factory=set)

    def everything(self) -> list[Step]:
        """All steps, those of the bodies after the step that they are in."""
        inside = lambda step: [] if step.body is None else step.body.everything()  # noqa: E731
        return [one for step in self.steps for one in (step, *inside(step))]

    def moving(self, parameters: int) -> set[int]:
        """The values that depend on an input that comes after so many parameters."""
        found = set(self.inputs[parameters:])
        for step in self.everything():
            if step.body is not None:  # nobody knows which rows of a loop do
                found.update(step.results, step.body.inputs)
            elif any(operand in found for operand in step.operands if isinstance(operand, int)):
                found.update(step.results)
        return found

    def loop(self, step: Step) -> tuple[int, int]:
        """How many operands of a `scan` are constants, and how many are carried on."""
        body = step.body
        assert body is not None
        ranks = [self.aval(o).ndim for o in step.operands]
        rows = sum(rank == self.aval(i).ndim for rank, i in zip(ranks, body.inputs, strict=True))
        results = zip(step.results, body.outputs, strict=True)
        carried = sum(self.aval(result).ndim == self.aval(o).ndim for result, o in results)
        return rows - carried, carried

    def aval(self, operand: Operand) -> Any:
        """Shape and type of an operand."""
        return self.shapes[operand] if isinstance(operand, int) else operand.aval


def trace(function: Callable[..., Any], *arguments: Any) -> Program:
    """The program of `function` at arguments of these shapes; nothing is computed."""
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return _Flattening().program(closed, jax.tree.structure(shapes))


class _Flattening:
    """The tables that one program and its bodies share."""

    def __init__(self) -> None:
        self.shapes: list[Any] = []
        self.constants: dict[int, Any] = {}
        self.replaced: set[str] = set()

    def number(self, variable: Any) -> int:
        self.shapes.append(variable.aval)
        return len(self.shapes) - 1

    def program(self, closed: Any, tree: Any = None, where: str = "") -> Program:
        inputs = [self.number(variable) for variable in closed.jaxpr.invars]
        steps: list[Step] = []
        outputs = self.inline(closed, inputs, steps, where)
        shared = self.shapes, self.constants, tree, self.replaced
        return Program(tuple(inputs), tuple(steps), tuple(outputs), *shared)

    def inline(
        self, closed: Any, inputs: Sequence[Operand], steps: list, where: str
    ) -> list[Operand]:
        """Appends the steps of `closed` to `steps`; returns its outputs."""
        # That of a checkpoint is open: it closes over nothing.
        jaxpr, constants = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
        known: dict[Any, Operand] = dict(zip(jaxpr.invars, inputs, strict=True))
        for variable, value in zip(jaxpr.constvars, constants, strict=True):
            known[variable] = number = self.number(variable)
            self.constants[number] = value

        def read(atom: Any) -> Operand:
            return atom if isinstance(atom, Literal) else known[atom]

        for equation in jaxpr.eqns:
            operands = tuple(read(atom) for atom in equation.invars)
            inner = "/".join(filter(None, (where, str(equation.source_info.name_stack))))
            results = self.call(equation, operands, steps, inner)
            known |= dict(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def call(
        self, equation: Any, operands: tuple[Operand, ...], steps: list, where: str
    ) -> Sequence[Operand]:
        name, params = equation.primitive.name, equation.params
        relu = False
        if name.startswith("custom_"):
            inner = _inner(params)
            named = str(params.get("name") or inner.jaxpr.debug_info.func_name)
            relu = named == "relu"
            if not relu:
                self.replaced.add(named)
        if name in _INLINED and not relu:
            return self.inline(_inner(params), operands, steps, where)
        if (value := _folded(equation, operands)) is not None:
            return [value]
        body = self.program(params["jaxpr"], where=where) if name == "scan" else None
        results = tuple(self.number(variable) for variable in equation.outvars)
        kind = ("relu", None, {}) if relu else (name, equation.primitive, params)
        steps.append(Step(*kind, operands, results, where, body))
        return results


_FOLDED: Mapping[str, Callable[..., Any]] = {
    "convert_element_type": np.asarray,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}


def _folded(equation: Any, operands: Sequence[Operand]) -> Literal | None:
    """The one number that a step gives, where it takes nothing but numbers: counts, mostly."""
    name, aval = equation.primitive.name, equation.outvars[0].aval
    if name not in _FOLDED or aval.shape or any(isinstance(o, int) for o in operands):
        return None
    if name == "div" and not np.issubdtype(aval.dtype, np.floating):
        return None
    value = _FOLDED[name](*(np.asarray(o.val) for o in operands if not isinstance(o, int)))
    return Literal(np.asarray(value, aval.dtype), aval)


def _inner(params: Mapping[str, Any]) -> Any:
    return next(params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params)
