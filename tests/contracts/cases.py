"""What the contracts run over: every family in every form, and what published models cost.

Each family has a module in `rows` with `CASES`, small members, and `COSTS`, exact integers.
"""

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ganc.metrics import cost
from ganc.models.families import FAMILIES
from ganc.models.families import generator as build
from ganc.search.space import Space
from ganc.types import Generator

# Tracing a network takes most of the time; many rows are of one.
built = functools.cache(build)


@functools.cache
def _macs(spec: Any, size: tuple[int, int], convention: Any, inputs: tuple) -> Any:
    return cost.macs(built(spec), *size, convention, **dict(inputs))


@dataclass(frozen=True)
class Case:
    """A small member of a family.

    Attributes:
        spec: its specification.
        size: height and width of the pictures that it is tried on.
        grouped: whether the plain net has grouped convolutions.
    """

    spec: Any
    size: tuple[int, int] = (16, 16)
    grouped: bool = False

    def __str__(self) -> str:
        return f"{type(self.spec).__module__.rpartition('.')[2]}-{self.spec}"


@dataclass(frozen=True, eq=False)
class Cost:
    """What a model is known to cost.

    Attributes:
        spec: its specification.
        params: its parameters.
        macs: convention -> multiply-adds of one picture.
        arch: its architecture, None for full width.
        widths: channel group -> width, for what no architecture reaches.
        size: height and width of the picture.
        inputs: what the generator is given beside the picture, as shapes.
        model: the published model that it is; empty for what was counted by hand for a test.
    """

    spec: Any
    params: int
    macs: Mapping[str, int]
    arch: str | None = None
    widths: Mapping[str, int] = field(default_factory=dict)
    size: tuple[int, int] = (256, 256)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""

    def count(self, what: str) -> int:
        """Our count: of the "parameters", or of multiply-adds by the convention `what`."""
        generator = built(self.spec)
        if what == "parameters":
            counter = cost.params(generator)
        else:
            counter = _macs(self.spec, self.size, what, tuple(self.inputs.items()))
        return int(counter(self._widths(generator)))

    def _widths(self, generator: Generator) -> dict[str, int]:
        widths = dict(generator.widths) | dict(self.widths)
        if self.arch is None:
            return widths
        entries = tuple(map(int, self.arch.split("_")))
        return widths | dict(
            Space(generator.slots, tuple((entry,) for entry in entries)).widths(entries)
        )

    def __str__(self) -> str:
        parts = (self.arch, *(f"{k}{v}" for k, v in self.widths.items()), *self.inputs)
        return "-".join(filter(None, (str(Case(self.spec)), *parts)))


_ROWS = [importlib.import_module(f"rows.{family}") for family in FAMILIES]
CASES: list[Case] = [case for rows in _ROWS for case in rows.CASES]
"""The first of each family is also trained, traced and vmapped."""
COSTS: list[Cost] = [cost for rows in _ROWS for cost in rows.COSTS]
