"""What the steps of a program cost, in the terms in which conventions of counting are written."""

from dataclasses import dataclass
from math import prod

from ganc.discovery.groups import Discovery
from ganc.discovery.kernels import parameters_at
from ganc.discovery.program import Operand, Program, Step
from ganc.types import Group

_RESHAPING = {"broadcast_in_dim", "reshape", "squeeze", "transpose", "convert_element_type"}
_ELEMENTWISE = _RESHAPING - {"broadcast_in_dim"} | set(
    """
abs add copy div erf erfc exp integer_pow log1p logistic max min neg pow relu select_n sign sqrt
square sub tanh
""".split()
)


@dataclass
class Part:
    """Multiply-adds: a factor times the lengths of some axes.

    Attributes:
        kinds: what it is, one of those that a convention may count.
        factor: what no width changes.
        groups: of the axes.
        sizes: their full lengths.
        layer: the path of its kernel, where that is a parameter.
    """

    kinds: set[str]
    factor: int
    groups: tuple[Group, ...]
    sizes: tuple[int, ...]
    layer: str = ""


def count(discovery: Discovery, true: bool) -> list[Part]:
    """The parts of a program's cost.

    Convolutions and products of matrices are what they are. A norm is what divides by the root of a
    sum over its own input ("instance norm"), or of parameters; it is an "affine norm" too if it is
    then multiplied by parameters. "elements" are products of two activations and means that go
    into a convolution or a matrix.

    Args:
        discovery: of the program.
        true: transposed convolutions count at their input, where they compute, not at their output.
    """
    counting = _Counting(discovery, true)
    counting.steps(discovery.program, 1)
    return counting.parts


class _Counting:
    """One walk along the steps."""

    def __init__(self, discovery: Discovery, true: bool) -> None:
        self.parts: list[Part] = []
        self._discovery, self._true = discovery, true
        self._kernels = parameters_at(discovery)
        self._sums: dict[int, Part] = {}  # what comes of a sum over an activation -> all its places
        self._norms: dict[int, Part] = {}  # what comes of a root, before and after its product
        self._normed: set[int] = set()  # after it
        self._sources: dict[
            int, frozenset[int]
        ] = {}  # activations it is an elementwise function of
        self._times = 1

    def steps(self, program: Program, times: int) -> None:
        """Counts the steps of a program that runs so many times."""
        for step in program.steps:
            self._times = times
            if step.body is not None:
                self.steps(step.body, times * step.params["length"])
                continue
            for result in step.results:
                self._trace(step, result)
            if step.name == "conv_general_dilated":
                self._convolution(step)
            elif step.name == "dot_general":
                self._matrices(step)
            elif step.name in ("mul", "div"):
                self._product(step)
            elif step.name in ("sqrt", "rsqrt"):
                self._root(step)

    def _part(self, operand: Operand, axes: list[int] | None = None, factor: int = 1) -> Part:
        """The product of some axes of a value, or of all."""
        shape = self._discovery.program.aval(operand).shape
        groups = self._discovery.groups[operand] if isinstance(operand, int) else ()
        wide = [i for i in axes or range(len(groups)) if groups[i] is not None]
        fixed = [size for i, size in enumerate(shape) if i not in wide and i in (axes or range(9))]
        factor *= prod(fixed) * self._times
        return Part(set(), factor, tuple(groups[i] for i in wide), tuple(shape[i] for i in wide))

    def _add(self, part: Part, kind: str) -> None:
        part.kinds.add(kind)
        self.parts.append(part)

    def _moving(self, step: Step) -> list[int]:
        return [o for o in step.operands if isinstance(o, int) and o in self._discovery.moving]

    def _trace(self, step: Step, result: int) -> None:
        """What is known of a result by what its operands are."""
        moving = self._moving(step)
        if step.name in _ELEMENTWISE or step.name == "mul":
            sources = [self._sources.get(operand, frozenset([operand])) for operand in moving]
            self._sources[result] = frozenset().union(*sources)
        if step.name == "reduce_sum" and moving:
            self._sums[result] = self._sums.get(moving[0]) or self._part(moving[0])
        elif moving and step.name in _ELEMENTWISE | _RESHAPING | {"mul", "rsqrt"}:
            if all(operand in self._sums for operand in moving):
                self._sums[result] = self._sums[moving[0]]
        first = step.operands[0] if step.operands else None
        numbers = [operand for operand in step.operands if isinstance(operand, int)]
        if len(numbers) == 1 and isinstance(first, int) and first in self._norms:
            if step.name in _RESHAPING or step.name == "add":  # an epsilon
                self._norms[result] = self._norms[first]
                self._normed |= {result} if first in self._normed else set()

    def _convolution(self, step: Step) -> None:
        x, kernel = step.operands
        numbers = step.params["dimension_numbers"]
        transposed = any(dilation > 1 for dilation in step.params["lhs_dilation"])
        shape = self._discovery.program.aval(
            x if transposed and self._true else step.results[0]
        ).shape
        spec = numbers.lhs_spec if transposed and self._true else numbers.out_spec
        pixels = prod(size for i, size in enumerate(shape) if i != spec[1])
        part = self._part(kernel, factor=pixels)
        if isinstance(kernel, int) and kernel in self._kernels:
            part.layer, _ = self._kernels[kernel]
        self._add(part, "convolution")
        self._global_mean(step)

    def _matrices(self, step: Step) -> None:
        x, y = step.operands
        if not self._moving(step):
            return
        (_, y_sum), (_, y_batch) = step.params["dimension_numbers"]
        rest = [
            i
            for i in range(len(self._discovery.program.aval(y).shape))
            if i not in (*y_sum, *y_batch)
        ]
        left, right = self._part(x), self._part(y, rest) if rest else Part(set(), 1, (), ())
        factor = left.factor * right.factor // (self._times if rest else 1)
        both = Part(set(), factor, left.groups + right.groups, left.sizes + right.sizes)
        self._add(both, "matrix")
        self._global_mean(step)

    def _global_mean(self, step: Step) -> None:
        for operand in self._moving(step):
            if (part := self._sums.get(operand)) is not None and not part.kinds:
                self._add(part, "elements")

    def _root(self, step: Step) -> None:
        (operand,) = step.operands
        if not isinstance(operand, int):
            return
        if operand in self._sums:
            part = self._sums[operand]
            norm = Part({"instance norm"}, part.factor, part.groups, part.sizes)
            self.parts.append(norm)
            self._norms[step.results[0]] = norm
        elif operand not in self._discovery.moving:  # it can be folded
            self._norms[step.results[0]] = Part(set(), 0, (), ())

    def _product(self, step: Step) -> None:
        result, numbers = step.results[0], [o for o in step.operands if isinstance(o, int)]
        norms = [operand for operand in numbers if operand in self._norms]
        moving = self._moving(step)
        if not norms:
            sources = [self._sources.get(o, frozenset([o])) for o in moving]
            whole = len(moving) == 2 and not any(o in self._sums for o in moving)
            if step.name == "mul" and whole and sources[0] != sources[1]:
                self._add(self._part(result), "elements")
            return
        norm, others = self._norms[norms[0]], [o for o in numbers if o not in norms[:1]]
        self._norms[result] = norm
        if norms[0] in self._normed:
            self._normed.add(result)
        for other in others:
            if other not in self._discovery.moving:
                norm.kinds.add("affine norm")
            elif norms[0] in self._normed:
                self._add(self._part(result), "elements")
                del self._norms[result]
            elif other not in self._sums:
                self._normed.add(result)
                if not norm.factor:
                    found = self._part(result)
                    norm.factor, norm.groups, norm.sizes = found.factor, found.groups, found.sizes
                    self.parts.append(norm)
