"""Every family of generators, by name.

A family is a module with a frozen dataclass `Spec` and a function `generator(spec)`.
"""

from types import ModuleType
from typing import Any

from ganc.models import cartoon, deep_resnet, munit, resnet, spade, unet
from ganc.types import Generator

FAMILIES: dict[str, ModuleType] = {
    "resnet": resnet,
    "cartoon": cartoon,
    "deep_resnet": deep_resnet,
    "munit": munit,
    "spade": spade,
    "unet": unet,
}
"""Name -> module."""


def family_of(spec: Any) -> str:
    """The name of the family that `spec` belongs to."""
    for name, module in FAMILIES.items():
        if type(spec) is module.Spec:
            return name
    raise TypeError(f"{spec!r} is a Spec of no family; known are {', '.join(FAMILIES)}")


def generator(spec: Any) -> Generator:
    """The generator of `spec`, whatever its family."""
    return FAMILIES[family_of(spec)].generator(spec)
