"""`python -m ganc.discovery MODULE:FUNCTION` shows the channel groups of a network of one's own."""

import importlib
from pathlib import Path
from typing import Annotated

import tyro

from ganc import cli
from ganc.discovery.groups import analyse
from ganc.errors import UserError
from ganc.report.groups import draw


def main(
    network: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODULE:FUNCTION")],
    out: Path | None = None,
) -> None:
    """Prints the channel groups of a network, what was frozen and why.

    Args:
        network: a function without arguments in a module that can be imported; it returns `apply`,
            its parameters or their shapes, and examples of its inputs.
        out: an .svg to draw them to.
    """
    name, _, function = network.partition(":")
    try:
        make = getattr(importlib.import_module(name), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"{network!r} is no function that can be imported, such as my.networks:unet: {error}"
        ) from error
    found = analyse(*make())
    print(found.report())
    if out is not None:
        out.write_text(draw(found), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
