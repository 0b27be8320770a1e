"""Networks of one's own by the name that their definition is imported by."""

import importlib
import os
import sys
from typing import Annotated, Any, TypeAlias

import tyro

from ganc.discovery.generator import own
from ganc.errors import UserError
from ganc.types import Generator

Network: TypeAlias = Annotated[str, tyro.conf.arg(metavar="MODULE:NAME")]
"""The flag of command lines that take stored models."""


def imported(name: str) -> Generator | None:
    """The network of one's own that `name` says; None where it is empty.

    Args:
        name: MODULE:NAME, of a `Generator` as `own` returns it, or of a function without arguments
            that returns one, or what `own` takes: `apply`, the parameters and an example. The
            module is looked for where Python looks, and in the current directory.

    Raises:
        UserError: there is no such thing, or it cannot be made.
    """
    if not name:
        return None
    found = definition(name)
    if isinstance(found, tuple) and len(found) == 3:
        found = own(*found)
    if not isinstance(found, Generator):
        raise UserError(
            f"{name} is {type(found).__name__}, expected a Generator as own(...) returns it, or "
            "apply, its parameters and an example"
        )
    return found


def definition(name: str) -> Any:
    """What stands in a module under a name; of a function what it returns. See `imported`."""
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # last: it hides nothing
    try:
        found = getattr(importlib.import_module(module), attribute)
        return found if isinstance(found, Generator) or not callable(found) else found()
    except UserError:
        raise
    except Exception as error:  # whatever someone's own module raises
        raise UserError(
            f"{name!r} is no network that can be imported, such as my.networks:unet: "
            f"{type(error).__name__}: {error}"
        ) from error
