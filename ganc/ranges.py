"""What settings may be: each says it in its type, help shows it, `check` holds it.

    ngf: Annotated[int, whole(1, 1024)] = 64

A number that says nothing has a range all the same: whole numbers 0 to 1e9, others 0 to 1e12.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from tyro.constructors import PrimitiveConstructorSpec

from ganc.errors import UserError


def _show(value: float) -> str:
    if value and abs(value) >= 1e6 and math.log10(abs(value)).is_integer():
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclasses.dataclass(frozen=True)
class Range(PrimitiveConstructorSpec):
    """The numbers from `least` to `most`; `open` leaves `most` out."""

    least: float = 0
    most: float = 0
    multiple: int = 1
    open: bool = False

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.multiple and (not isinstance(value, int) or value % self.multiple):
            return False
        return self.least <= value <= self.most and not (self.open and value == self.most)

    def __str__(self) -> str:
        kind = {0: "a number", 1: "a whole number"}.get(
            self.multiple, f"a multiple of {self.multiple}"
        )
        to = "to below" if self.open else "to"
        return f"{kind} from {_show(self.least)} {to} {_show(self.most)}"


def whole(least: int = 0, most: int = 10**9, multiple: int = 1) -> Range:
    """Whole numbers from `least` to `most` that are multiples of `multiple`."""
    step = f",{_show(least + multiple)}" if multiple > 1 else ""
    return _range(int, f"{{{_show(least)}{step}..{_show(most)}}}", least, most, multiple, False)


def number(least: float = 0.0, most: float = 1e12, *, open: bool = False) -> Range:
    """Numbers from `least` to `most`, which `open` leaves out; neither infinite nor no number."""
    return _range(float, f"{{{_show(least)}..{_show(most)}}}", least, most, 0, open)


def _range(kind: type, metavar: str, *bounds: Any) -> Range:
    return Range(
        1,
        metavar,
        lambda words: kind(words[0]),
        lambda value: isinstance(value, kind),
        lambda value: [str(value)],
        None,
        None,
        *bounds,
    )


WHOLE, NUMBER = whole(), number()
"""What a number may be that says nothing."""


def check(settings: Any, prefix: str = "--", nameless: str = "") -> None:
    """Refuses settings with a number out of its range, before anything is computed.

    Args:
        settings: a dataclass, with others in it.
        prefix: of the names of its flags.
        nameless: a field whose own fields have flags without its name.

    Raises:
        UserError: naming the flag, what it takes and what came.
    """
    hints, said = get_type_hints(type(settings)), _said(type(settings))
    for field in dataclasses.fields(settings):
        value, name = getattr(settings, field.name), prefix + field.name.replace("_", "-")
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            check(value, prefix if field.name == nameless else f"{name}.")
            continue
        range_ = said.get(field.name) or _unsaid(hints[field.name], value)
        if range_ is not None and value not in range_:
            raise UserError(f"{name} takes {range_}, got {value!r}")


def check_arguments(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """The same for what a command line gives a function by name."""
    hints = get_type_hints(function, include_extras=True)
    for name, value in arguments.items():
        range_ = _of(hints[name]) or _unsaid(hints[name], value)
        if range_ is not None and value not in range_:
            raise UserError(f"--{name.replace('_', '-')} takes {range_}, got {value!r}")


def _of(hint: Any) -> Range | None:
    return next((one for one in getattr(hint, "__metadata__", ()) if type(one) is Range), None)


def _said(kind: type) -> dict[str, Range]:
    """Field -> the range in its type; a class that overrides a default need not say it again."""
    found = {}
    for base in reversed(kind.__mro__):
        for name, hint in get_type_hints(base, include_extras=True).items():
            if (range_ := _of(hint)) is not None:
                found[name] = range_
    return found


def _unsaid(hint: Any, value: Any) -> Range | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        # Of a type that is a number and nothing else, "8" is as wrong as -1.
        return {int: WHOLE, float: NUMBER}.get(hint)
    return NUMBER if hint is float or (isinstance(value, float) and hint is not int) else WHOLE
