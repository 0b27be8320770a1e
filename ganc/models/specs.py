"""What every specification of a network is checked for."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ganc.errors import UserError

DEEPEST = {"blocks": 64, "downs": 12, "layers": 12, "scales": 8}
"""The most that numbers may be which say how deep a network is: files may say anything."""
WIDEST = 65_536
"""The most that any other number may be: each is of channels."""


def check_spec(
    spec: Any, *, least: Mapping[str, int], multiples: Mapping[str, int] | None = None
) -> None:
    """Refuses a specification with a number or a choice that cannot be.

    Args:
        spec: a dataclass; a field whose type is a `Literal` holds one of its values. Whole numbers
            are at most `DEEPEST` or `WIDEST`.
        least: field -> the least that it may be.
        multiples: field -> what it is a positive multiple of.

    Raises:
        UserError: naming the first field that is wrong.
    """
    types = get_type_hints(type(spec))
    for field in fields(spec):
        _check_kind(field.name, types[field.name], getattr(spec, field.name))
    for name, bound in least.items():
        if getattr(spec, name) < bound:
            raise UserError(f"{name} must be at least {bound}, got {getattr(spec, name)}")
    for name, factor in (multiples or {}).items():
        if (value := getattr(spec, name)) < factor or value % factor:
            raise UserError(f"{name} must be a positive multiple of {factor}, got {value}")


def _check_kind(name: str, kind: Any, value: Any) -> None:
    if get_origin(kind) is Literal and value not in get_args(kind):
        *others, last = map(str, get_args(kind))
        valid = f"{', '.join(others)} or {last}"
        raise UserError(f"{name} must be {valid}, got {value!r}")
    if kind in (int, bool) and type(value) is not kind:
        raise UserError(f"{name} must be of type {kind.__name__}, got {value!r}")
    if kind is int and value > (most := DEEPEST.get(name, WIDEST)):
        raise UserError(f"{name} must be at most {most}, got {value}")
