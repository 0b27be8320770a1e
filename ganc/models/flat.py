"""Parameters as a flat table of named arrays: what is stored, hashed and checked."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc import channels
from ganc.errors import UserError
from ganc.types import Discriminator, Generator, Params, Widths

DTYPES = ("float16", "float32")


def flatten(params: Params) -> dict[str, np.ndarray]:
    """Nested dicts to one dict, by paths like "block0/conv1_depthwise/kernel", sorted."""
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    return {name: np.asarray(flat[name]) for name in sorted(flat)}


def unflatten(flat: Mapping[str, Any]) -> Params:
    """The inverse of `flatten`."""
    return unflatten_dict(dict(flat), sep="/")


def params_sha256(params: Params) -> str:
    """A hash of the names, shapes and float32 values of `params`, in hexadecimal.

    It is the same on every machine; weights that are stored as float16 hash alike before and after.
    """
    digest = hashlib.sha256()
    for name, array in flatten(params).items():
        values = np.ascontiguousarray(array, "<f4")
        digest.update(f"{name} <f4 {array.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def check_fit(
    flat: Mapping[str, np.ndarray], generator: Generator | Discriminator, where: str
) -> Widths:
    """Checks that `flat` are parameters of `generator`, at full or at smaller widths.

    Args:
        flat: parameters by their flat names.
        generator: whose they should be.
        where: they come from, for the error message.

    Returns:
        The width of every channel group.

    Raises:
        UserError: naming the first parameter that is missing, unexpected, of another shape or of
            another type.
    """
    full = full_shapes(generator)
    for name in sorted(full.keys() | flat.keys()):
        if name not in flat or name not in full:
            found = "missing" if name not in flat else "unexpected"
            raise UserError(f"{where}: parameter {name} is {found} for {generator.spec}")
        _check_kind(f"{where}: {name}", flat[name], len(full[name]))

    widths, shapes = expected_shapes({name: flat[name].shape for name in flat}, full, generator)
    for group, most in generator.widths.items():
        if not 1 <= widths[group] <= most:
            raise UserError(
                f"{where}: channel group {group!r} is {widths[group]} wide, expected 1 to {most}"
            )
    for name, expected in shapes.items():
        if flat[name].shape != expected:
            raise UserError(f"{where}: {name} has shape {flat[name].shape}, expected {expected}")
    return dict(sorted(widths.items()))


def full_shapes(generator: Generator | Discriminator) -> dict[str, tuple[int, ...]]:
    """The shapes of all parameters at full width, by their flat names."""
    shapes: Any = flatten_dict(jax.eval_shape(generator.init, jax.random.key(0)), sep="/")
    return {name: leaf.shape for name, leaf in shapes.items()}


def expected_shapes(
    found: Mapping[str, tuple[int, ...]],
    full: Mapping[str, tuple[int, ...]],
    generator: Generator | Discriminator,
) -> tuple[dict[str, int], dict[str, tuple[int, ...]]]:
    """The widths that `found` has, and the shapes that all parameters should have at those widths.

    Args:
        found: shapes of parameters by their flat names, each with the right number of axes; where
            they disagree about a width, the first one counts, and where none tells, the full width.
        full: of `full_shapes`.
        generator: whose they should be.
    """
    axes: dict[str, Any] = flatten_dict(generator.axes, sep="/")
    widths: dict[str, int] = {}
    joined = []
    for name in (name for name in found if name in axes):
        for group, size in zip(axes[name], found[name], strict=True):
            if isinstance(group, str):
                widths.setdefault(group, size)
            elif group is not None:
                joined.append((group, size))
    channels.complete(widths, joined)
    widths = {group: widths.get(group, most) for group, most in generator.widths.items()}

    def sizes(name: str) -> tuple[int, ...]:
        return tuple(
            fixed if group is None else channels.count(group, widths)
            for group, fixed in zip(axes[name], full[name], strict=True)
        )

    return widths, {name: sizes(name) for name in axes}


def _check_kind(what: str, array: np.ndarray, ndim: int) -> None:
    if array.ndim != ndim:
        raise UserError(f"{what} has shape {array.shape}, expected {ndim} axes")
    if array.dtype.name not in DTYPES:
        raise UserError(f"{what} is {array.dtype}, expected {' or '.join(DTYPES)}")
    check_finite(what, array)


def check_finite(what: str, array: np.ndarray) -> None:
    """Refuses weights that are no numbers, or infinite.

    Raises:
        UserError: naming `what` they are of.
    """
    if not np.isfinite(array).all():
        raise UserError(f"{what} holds values that are not finite")
