"""`python -m ganc.discovery MODULE:NAME` shows the channel groups of a network of one's own."""

from pathlib import Path
from typing import Annotated

import tyro

from ganc import cli
from ganc.discovery.generator import discovery_of
from ganc.discovery.groups import analyse
from ganc.discovery.imported import definition
from ganc.errors import UserError
from ganc.report.groups import draw
from ganc.types import Generator


def main(
    network: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODULE:NAME")],
    out: Path | None = None,
) -> None:
    """Prints the channel groups of a network, what was frozen and why.

    Args:
        network: in a module that can be imported: what `own` returned, or a function without
            arguments that returns that, or `apply`, its parameters or their shapes, and examples of
            its inputs.
        out: an .svg to draw them to.
    """
    made = definition(network)
    if isinstance(made, Generator):
        found = discovery_of(made)
    elif isinstance(made, tuple) and len(made) > 2:
        found = analyse(*made)
    else:
        raise UserError(
            f"{network} is {type(made).__name__}, expected what own(...) returns, or apply, its "
            "parameters and examples of its inputs"
        )
    print(found.report())
    if out is not None:
        out.write_text(draw(found), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
