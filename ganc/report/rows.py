"""Reading rows of `results.jsonl`, which may lack anything: the models, and numbers of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ganc.report.numbers import finite


def number(row: Mapping | None, *path: str) -> Any:
    """A finite number at `path`, or None."""
    value: Any = row
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if finite(value) else None


def is_model(row: Mapping) -> bool:
    """Whether a row has costs; others are references, such as the copied input."""
    return number(row, "macs", "published") is not None or number(row, "params") is not None


def teacher_of(rows: Sequence[Mapping]) -> Mapping | None:
    """The row called "teacher", else the first whose name starts so."""
    names = [str(row.get("name", "")) for row in rows]
    exact = [row for row, name in zip(rows, names, strict=True) if name == "teacher"]
    alike = [row for row, name in zip(rows, names, strict=True) if name.startswith("teacher")]
    return (exact or alike or [None])[0]


def student_of(rows: Sequence[Mapping], chosen: str) -> Mapping | None:
    """The last row of the chosen arch, which is the one after fine-tuning; else the cheapest."""
    teacher = teacher_of(rows)
    models = [row for row in rows if row is not teacher and is_model(row)]
    named = [row for row in models if chosen and str(row.get("arch")) == chosen]
    cheap = sorted(models, key=lambda row: number(row, "macs", "published") or math.inf)
    return named[-1] if named else (cheap or [None])[0]


def metric_of(key: str) -> tuple[str, str]:
    """`kid[lite0,a-vs-b]` as ("kid", "lite0,a-vs-b"); a key without protocol is a metric."""
    name, _, protocol = key.partition("[")
    return name.strip(), protocol.removesuffix("]")


def decimals(values: Sequence[float | None]) -> int:
    """So many that the largest value has three significant digits, and at least one."""
    top = max((abs(value) for value in values if value), default=0.1)
    return min(6, max(1, 2 - math.floor(math.log10(top))))
