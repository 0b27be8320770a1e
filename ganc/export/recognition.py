"""Which family of generators the arrays of a PyTorch checkpoint belong to."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ganc.errors import UserError
from ganc.export.layouts import Layer
from ganc.export.names import (
    cartoon,
    dcgan,
    deep_resnet,
    munit,
    resnet,
    spade,
    srgan,
    stargan,
    unet,
)
from ganc.models.families import family_of

NAMES: dict[str, ModuleType] = {
    "resnet": resnet,
    "cartoon": cartoon,
    "deep_resnet": deep_resnet,
    "munit": munit,
    "spade": spade,
    "unet": unet,
    "dcgan": dcgan,
    "srgan": srgan,
    "stargan": stargan,
}
"""Family -> the module with `layers(spec)` and `recognise(shapes)`."""

FAMILIES: dict[str, tuple[str, Mapping[str, Any]]] = {
    **{family: (family, {}) for family in NAMES},
    "resnet6": ("resnet", {"blocks": 6}),
    "resnet9": ("resnet", {"blocks": 9}),
    "slimming": ("resnet", {"norm": "slimming"}),
    "unet128": ("unet", {"downs": 7}),
    "unet256": ("unet", {"downs": 8}),
}
"""What `--family` takes -> the family, and what its specification must have. A ResNet whose norms
have no scales becomes `slimming` with scales of 1 and shifts of 0, which change nothing."""


def select(
    arrays: dict[str, np.ndarray], key: str | None, path: str | Path
) -> dict[str, np.ndarray]:
    """The arrays under `key`, without it; all of them if it is None.

    Raises:
        UserError: there are none.
    """
    if key is None:
        return arrays
    inside = {n.removeprefix(f"{key}."): a for n, a in arrays.items() if n.startswith(f"{key}.")}
    if not inside:
        tops = ", ".join(dict.fromkeys(name.partition(".")[0] for name in arrays))
        raise UserError(f"{path} holds nothing under {key!r}, only under {tops}")
    return inside


def recognise(
    arrays: dict[str, np.ndarray], path: str | Path
) -> tuple[Any, list[Layer], dict[str, np.ndarray]]:
    """The specification that `arrays` are of, its layers, and the arrays by the reference's names.

    Raises:
        UserError: they are of no family that is known.
    """
    # A prefix that all names share, such as "module." or "netG.", is somebody's wrapping.
    rest = arrays
    while rest:
        shapes = {name: array.shape for name, array in rest.items()}
        for names in NAMES.values():
            if (found := names.recognise(shapes)) is not None:
                return *found, rest
        top, dot, _ = next(iter(rest)).partition(".")
        if not dot or not all(name.startswith(top + dot) for name in rest):
            break
        rest = {name.removeprefix(top + dot): array for name, array in rest.items()}
    first = ", ".join(list(arrays)[:3])
    several = dict.fromkeys(name.partition(".")[0] for name in arrays)
    hint = f"; if it holds several networks, name one of {', '.join(several)} by --key"
    raise UserError(
        f"{path} holds no generator of a known family ({', '.join(NAMES)}): its names begin with "
        f"{first or 'nothing'}" + (hint if 1 < len(several) < 9 else "")
    )


def check_family(spec: Any, family: str | None, path: str | Path) -> None:
    """Refuses a `spec` that is not what `family`, a key of `FAMILIES` or None, asks for.

    Raises:
        UserError: `spec` is of another.
    """
    if family is None:
        return
    name, values = FAMILIES[family]
    if family_of(spec) != name or any(getattr(spec, k) != v for k, v in values.items()):
        raise UserError(f"{path} holds no {family}, but {family_of(spec)} {spec}")
