"""A stored model as Python source and weights that need PyTorch alone."""

import io
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ganc.errors import RunError, UserError
from ganc.export.drawn import difference
from ganc.export.module.source import Module, module
from ganc.export.new_file import check_new, write_new
from ganc.export.onnx.network import Network, network
from ganc.models.families import family_of
from ganc.types import Model

CLOSE = 1e-4
"""By how much pictures in [-1, 1] may differ."""


def write(model: Model, out: Path, *, own_style: bool = False) -> str:
    """Writes `out`, a Python file, and its weights beside it, once PyTorch draws what JAX does.

    Returns: what was written, in one line.

    Raises:
        UserError: PyTorch is missing, there are such files, or the model can't be exported.
        RunError: the module's pictures are not the model's.
    """
    weights = out.with_suffix(".pth")
    if out.suffix != ".py":
        raise UserError(f"a module is a Python file: give a name that ends in .py, not {out}")
    check_new(out)
    check_new(weights)
    built = network(model, own_style=own_style)
    made = module(
        built, f"A generator of the family {family_of(model.generator.spec)}.", weights.name
    )
    gap = check(made, built, model)
    torch, buffer = _torch(), io.BytesIO()
    torch.save(_tensors(torch, made.weights), buffer)
    write_new(weights, buffer.getvalue())
    try:
        write_new(out, made.source.encode())
    except UserError:
        weights.unlink()
        raise
    return f"{out} and {weights}, which need PyTorch alone; pictures differ by {gap:.1e} at most"


def _about(model: Model) -> str:
    unit, least = model.generator.divisor, model.generator.minimum
    family = family_of(model.generator.spec)
    return f"A {family} generator, of heights and widths in multiples of {unit} from {least} up."


def check(made: Module, built: Network, model: Model) -> float:
    """The largest difference between the module's pictures and the model's, at two sizes.

    Raises:
        UserError: PyTorch is not installed.
        RunError: it is more than `CLOSE`.
    """
    drawn, generator, gaps = run(made), model.generator, []

    def draw(x: np.ndarray, *styles: np.ndarray) -> np.ndarray:
        return drawn(x.transpose(0, 3, 1, 2), *styles).transpose(0, 2, 3, 1)

    styles = sum(int(port.shape[1]) for port in built.inputs[1:])
    unit = generator.divisor
    side = -(-max(32, generator.minimum) // unit) * unit
    fixed = isinstance(built.inputs[0].shape[2], int)
    for index, size in enumerate([(side, side)] if fixed else [(side, side), (side, side + unit)]):
        gaps.append(difference(draw, model, size, styles, seed=index))
    if not max(gaps) <= CLOSE:
        raise RunError(f"the module's pictures differ by {max(gaps):.2g} of 2: nothing was written")
    return max(gaps)


def run(made: Module) -> Callable[..., np.ndarray]:
    """The module as a function of arrays.

    Raises:
        UserError: PyTorch is not installed.
    """
    torch, generator = _torch(), loaded(made)

    def draw(*arrays: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return generator(*map(torch.from_numpy, map(np.ascontiguousarray, arrays))).numpy()

    return draw


def loaded(made: Module) -> Any:
    """The module as PyTorch has it, with its weights.

    Raises:
        UserError: PyTorch is not installed.
    """
    torch = _torch()
    names: dict[str, Any] = {}
    exec(compile(made.source, "module", "exec"), names)
    return names["load"](_tensors(torch, made.weights))


def _torch() -> Any:
    try:
        return import_module("torch")
    except ModuleNotFoundError as error:
        message = "a PyTorch module needs PyTorch to be written: pip install 'ganc[torch]'"
        raise UserError(message) from error


def _tensors(torch: Any, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}
