"""The help of experiments: a first screen, and the rest by group."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganc.search.space import CHOICES

MAIN = ("data", "size", "teacher", "budget", "arch", "space", "seed", "family", "scheme", "start")
"""Flags that the first screen explains; it names the others."""
WIDTH = 96


def topic(argv: Sequence[str]) -> str | None:
    """What help is asked for: "" for the first screen, "all", or a group; None for no help."""
    for i, word in enumerate(argv):
        if word in ("--help", "-h"):
            following = argv[i + 1] if i + 1 < len(argv) else ""
            return "" if following.startswith("-") else following
    return None


def first_screen(program: str, about: str, presets: Mapping[str, Any], chosen: str) -> str:
    """What fits a terminal: the experiment, its presets, the main flags with their defaults."""
    config = presets[chosen]
    flags = [f for f in dataclasses.fields(config) if not is_group(config, f.name)]
    docs = explained(type(config))
    lines = [
        f"usage: {program} [--preset PRESET] [--workdir DIR] [--FLAG VALUE]",
        "",
        about.strip().partition("\n")[0],
        "",
        _fill("presets: ", ", ".join(_presets(presets, chosen))),
    ]
    for flag in flags:
        if flag.name in MAIN:
            value = getattr(config, flag.name)
            name = f"--{flag.name} {value if value != '' else '(none)'}"
            lines.append(_fill(f"{name:<24} ", docs.get(flag.name, "").partition(";")[0], 25))
    others = [f"--{f.name.replace('_', '-')}" for f in flags if f.name not in MAIN]
    groups = [f.name for f in dataclasses.fields(config) if is_group(config, f.name)]
    others += ["--seeds", "--max-pixels", "--distributed", "--precision", "--workdir"]
    lines.append(_fill("also: ", " ".join(others)))
    if groups:
        names = ", ".join(groups).replace("_", "-")
        lines.append(_fill("groups of flags: ", names))
    if hasattr(config, "space"):
        lines.append(_fill("spaces: ", ", ".join(CHOICES)))
    lines += ["", "--help all explains every flag, --help GROUP those of a group."]
    return "\n".join(lines)


def is_group(config: Any, name: str) -> bool:
    """Whether a field holds settings of its own."""
    return dataclasses.is_dataclass(getattr(config, name))


def explained(kind: type) -> dict[str, str]:
    """Field -> the string below it, of a dataclass and those that it extends."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        body: list[Any] = getattr(tree, "body", [])
        for field, text in zip(body, body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                value = getattr(text.value, "value", None)
                if isinstance(value, str) and isinstance(field.target, ast.Name):
                    found[field.target.id] = " ".join(value.split())
    return found


def _presets(presets: Mapping[str, Any], chosen: str) -> Iterator[str]:
    for name, config in presets.items():
        said = [str(getattr(config, "data", "")).rpartition("/")[2]]
        said += [f"{config.size} px"] if hasattr(config, "size") else []
        said = [part for part in said if part] + (["as below"] if name == chosen else [])
        yield f"{name} ({', '.join(said)})" if said else name


def _fill(start: str, text: str, indent: int = 2) -> str:
    return textwrap.fill(
        start + text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
    )
