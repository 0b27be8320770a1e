"""What a model directory holds: `python -m ganc.info MODEL`."""

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from ganc import cli
from ganc.models import store
from ganc.models.card import facts
from ganc.runs.console import console


def table(directory: Path) -> Table:
    """What is known of a stored generator, and its scores by their protocols.

    Raises:
        UserError: see `ganc.models.store.load`.
    """
    model, about = store.load(directory), store.read_about(directory)
    result = Table(show_header=False)
    result.add_column(style="bold")
    result.add_column(overflow="fold")
    for label, value in facts(model, about):
        result.add_row(label, _plain(value))
    for protocol, value in about.get("scores", {}).items():
        ends = about.get("intervals", {}).get(protocol)
        interval = "" if ends is None else f" ({ends[0]:.4g} to {ends[1]:.4g})"
        number = "not a number" if value is None else f"{value:.4g}"
        result.add_row(_plain(protocol), number + interval)
    return result


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
) -> None:
    """Prints what a model directory holds: the network, its costs, its scores, where it is from.

    Args:
        model: the directory of a stored generator.
    """
    console.print(table(model))


if __name__ == "__main__":
    cli.run(main)
