"""Recipes: one method on one task each, as presets and networks that `ganc.compression` runs.

A recipe is a module with `PRESETS` (name -> configuration, the first is the default) and
`run(config, workdir) -> rows`. It may have `FLAGS`, what `run` takes beside them.
"""

import ast
import importlib
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from types import ModuleType

from ganc.errors import UserError

_HERE = Path(__file__).parent


def names() -> dict[str, str]:
    """Every recipe and what it does, in a line; none is imported for that."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in _HERE.glob("*.py")}
    return {
        name: (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
        for name, text in sorted(sources.items())
        if "\nPRESETS = " in text  # others are what recipes share
    }


def listing() -> str:
    """What `ganc compress` says without the name of a recipe."""
    known = names()
    width = max(map(len, known)) + 2
    lines = (f"  {name:<{width}}{shorten(about, 72)}" for name, about in known.items())
    return "\n".join(
        (
            "usage: ganc compress RECIPE [--preset PRESET] [--workdir DIR] [--FLAG VALUE]",
            "",
            *lines,
            "",
            "ganc compress RECIPE --help says more.",
        )
    )


def find(name: str) -> ModuleType:
    """The recipe called `name`.

    Raises:
        UserError: there is none.
    """
    if name not in (known := names()):
        raise UserError(f"there is no recipe {name!r}; valid are {', '.join(known)}")
    return importlib.import_module(f"{__name__}.{name}")


METHODS = {"once_for_all": "ofa", "omgd": "omgd", "slimming": "slimming", "self_supervised": ""}
"""Method -> what follows the task in the names of its recipes; empty: one serves all tasks."""


def find_by(method: str, task: str) -> ModuleType:
    """The recipe of a method on a task.

    Raises:
        UserError: there is none.
    """
    if method not in METHODS:
        raise UserError(f"there is no method {method!r}; valid are {', '.join(METHODS)}")
    if not METHODS[method]:
        return find(method)
    tasks = {
        name.removesuffix(f"_{METHODS[method]}"): name
        for name in names()
        if name.endswith(f"_{METHODS[method]}")
    }
    if task not in tasks:
        raise UserError(f"{method} has no recipe of the task {task!r}; it has {', '.join(tasks)}")
    return find(tasks[task])


def start(name: str, argv: Sequence[str] | None = None, program: str = "") -> None:
    """Runs a recipe as the command line says.

    Args:
        name: of the recipe.
        argv: the command line, without the program; None for that of this process.
        program: what help calls it; by default the experiment of that name.

    Raises:
        UserError: there is none of that name.
    """
    # With JAX, so not where recipes are only listed.
    from ganc.compression.launch import launch
    from ganc.recipes.following import follow

    recipe = find(name)
    launch(
        name,
        recipe.PRESETS,
        recipe.run,
        argv,
        flags=getattr(recipe, "FLAGS", ()),
        program=program or f"python -m experiments.{name}",
        follow=follow,
    )
