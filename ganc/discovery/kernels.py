"""Which parameters are kernels of convolutions, and how they lie."""

from ganc.discovery.groups import Discovery

_AS_IT_LIES = {"convert_element_type", "copy", "rev"}

Lying = tuple[str, tuple[int, ...]]
"""The path of a parameter, and the axis of it that each axis of a value is."""


def parameters_at(found: Discovery) -> dict[int, Lying]:
    """The values that are parameters as they are, or transposed."""
    program = found.program
    known: dict[int, Lying] = {
        number: (path, tuple(range(len(program.shapes[number].shape))))
        for number, path in zip(program.inputs, found.parameters, strict=False)
    }
    for step in program.everything():
        if step.body is not None:
            constants, _ = program.loop(step)
            pairs = list(zip(step.body.inputs, step.operands, strict=True))[:constants]
            known |= {i: known[o] for i, o in pairs if isinstance(o, int) and o in known}
        elif step.operands and isinstance(first := step.operands[0], int) and first in known:
            path, axes = known[first]
            if step.name == "transpose":
                known[step.results[0]] = path, tuple(axes[i] for i in step.params["permutation"])
            elif step.name in _AS_IT_LIES:
                known[step.results[0]] = path, axes
    return known


def kernels_of(found: Discovery) -> dict[str, tuple[int, ...]]:
    """The path of each parameter that is a kernel over pictures -> its axes, as h w i o.

    What is computed before it is convolved with, such as a modulated kernel, is none.
    """
    known, kernels = parameters_at(found), {}
    for step in found.program.everything():
        if step.name == "conv_general_dilated" and isinstance(kernel := step.operands[1], int):
            numbers = step.params["dimension_numbers"].rhs_spec
            if kernel in known and len(numbers) == 4:
                path, axes = known[kernel]
                kernels.setdefault(path, tuple(axes[i] for i in (*numbers[2:], *numbers[1::-1])))
    return kernels
