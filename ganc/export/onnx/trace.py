"""From a generator to an ONNX graph, by the equations that JAX traces of it.

Batch, height and width are symbols in the trace: what depends on them is either written as such or
refused, and nothing of one size is baked in. What depends on the parameters alone is computed here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal

from ganc.errors import UserError
from ganc.export.onnx.equation import Equation, Operand, Refused
from ganc.export.onnx.graph import Graph, Name, resolver, size_of
from ganc.export.onnx.rules import RULES
from ganc.export.symbolic import picture_of, symbolic_inputs
from ganc.nn.operation import whole
from ganc.types import Model

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""The parameters under which equations hold equations of their own."""

Value = Name | np.ndarray
"""A tensor of the graph, or a constant as its array lies."""


def trace(model: Model, size: tuple[int, int] | None, style_dim: int) -> Any:
    """The equations of the generator's picture, of `x` (b h w c) and perhaps `style` (b d).

    Args:
        model: its parameters are constants of the equations.
        size: height and width; None for any.
        style_dim: numbers in a style; 0 for a generator that is given none.

    Raises:
        UserError: `size` can't be taken, or the generator does what no symbol of a size can.
    """
    inputs = symbolic_inputs(model.generator, size, style_dim)
    with whole():
        try:
            return jax.make_jaxpr(picture_of(model))(*inputs)
        except UserError:
            raise
        # JAX raises many types over a size that it can't decide upon.
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(
                "the generator cannot be traced with any batch, height and width"
                f"{'; fix the size' if size is None else ''}: {reason[0]}"
            ) from error


def write(graph: Graph, traced: Any, inputs: Sequence[Name], unit: int) -> Name:
    """Adds the nodes of `traced`, as `trace` gave it, and returns the name of the picture.

    Args:
        graph: to which nodes are added.
        traced: see above.
        inputs: the tensors of x (b c h w) and of the style.
        unit: see `Generator.divisor`.

    Raises:
        UserError: there is no rule for an equation; it names the layer and what is missing.
    """
    height, width = (size_of(graph, inputs[0], axis) // unit for axis in (2, 3))
    sizes = {"b": size_of(graph, inputs[0], 0), "h": height, "w": width}
    walk = _Walk(graph, resolver(sizes))
    (result,) = walk.run(traced.jaxpr, traced.consts, inputs, "")
    if not isinstance(result, str):
        raise UserError("the generator's picture does not depend on its input")
    return result


class _Walk:
    """Goes through equations and adds the nodes of each."""

    def __init__(self, graph: Graph, resolve: Callable[[Any], Any]):
        self.graph, self.resolve = graph, resolve

    def run(
        self, jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Value], layer: str
    ) -> list[Value]:
        """The values of the results of `jaxpr`, whose equations belong to `layer` or inside it."""
        values: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
        values |= {v: np.asarray(c) for v, c in zip(jaxpr.constvars, consts, strict=True)}

        def value(atom: Any) -> Value:
            if not isinstance(atom, Literal):
                return values[atom]
            kind: Any = atom.aval
            return np.asarray(atom.val, kind.dtype)

        for eqn in jaxpr.eqns:
            place = "/".join(part for part in (layer, str(eqn.source_info.name_stack)) if part)
            found = self._results(eqn, [value(atom) for atom in eqn.invars], place)
            values |= dict(zip(eqn.outvars, found, strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def _results(self, eqn: Any, values: Sequence[Value], layer: str) -> Sequence[Value]:
        name = eqn.primitive.name
        for inner in (eqn.params[key] for key in _INNER if key in eqn.params):
            return self.run(
                getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), values, layer
            )
        constants = [x for x in values if isinstance(x, np.ndarray)]
        fixed = all(isinstance(size, int) for v in eqn.outvars for size in v.aval.shape)
        if constants and len(constants) == len(values) and fixed:
            return _computed(eqn, constants)
        if name not in RULES:
            raise UserError(
                f"layer {layer or 'of the generator'}: there is no ONNX for {name}; known are "
                f"{', '.join(RULES)}"
            )
        self.graph.layer = layer
        shapes = [getattr(atom.aval, "shape", ()) for atom in eqn.invars]
        operands = [
            Operand(shape, *((x, None) if isinstance(x, str) else (None, x)))
            for shape, x in zip(shapes, values, strict=True)
        ]
        results = [v.aval for v in eqn.outvars]
        equation = Equation(
            self.graph,
            self.resolve,
            operands,
            eqn.params,
            [aval.shape for aval in results],
            [aval.dtype for aval in results],
        )
        try:
            made = RULES[name](equation)
        except Refused as error:
            raise UserError(f"layer {layer or 'of the generator'}: no ONNX for {error}") from error
        made = [made] if isinstance(made, str) else made
        self.graph.shapes |= zip(made, equation.shapes, strict=True)
        return made


def _computed(eqn: Any, values: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    with jax.default_matmul_precision("float32"):
        found = eqn.primitive.bind(*values, **eqn.params)
    parts = found if eqn.primitive.multiple_results else [found]
    return [np.asarray(part) for part in parts]
