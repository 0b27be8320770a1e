"""What every specification of a network is checked for."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints


def check_spec(
    spec: Any, *, least: Mapping[str, int], multiples: Mapping[str, int] | None = None
) -> None:
    """Refuses a specification with a number or a choice that cannot be.

    Args:
        spec: a dataclass; a field whose type is a `Literal` holds one of its values.
        least: field -> the least that it may be.
        multiples: field -> what it is a positive multiple of.

    Raises:
        ValueError: naming the first field that is wrong.
    """
    for name, bound in least.items():
        if getattr(spec, name) < bound:
            raise ValueError(f"{name} must be at least {bound}, got {getattr(spec, name)}")
    for name, factor in (multiples or {}).items():
        if (value := getattr(spec, name)) < factor or value % factor:
            raise ValueError(f"{name} must be a positive multiple of {factor}, got {value}")
    types = get_type_hints(type(spec))
    for field in fields(spec):
        kind, value = types[field.name], getattr(spec, field.name)
        if get_origin(kind) is Literal and value not in get_args(kind):
            *others, last = map(str, get_args(kind))
            valid = f"{', '.join(others)} or {last}"
            raise ValueError(f"{field.name} must be {valid}, got {value!r}")
