"""Append-only JSON lines that survive a kill and a resumption."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Adds one row."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """All complete rows; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def replace(path: Path, text: str | bytes) -> None:
    """Writes a whole file so that a reader sees the old or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces the whole file by `rows`."""
    replace(path, "".join(json.dumps(row) + "\n" for row in rows))
