"""What a model directory or a PyTorch checkpoint holds: `ganc info MODEL`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tyro

from ganc import cli
from ganc.channels import read_widths
from ganc.discovery.imported import Network, imported
from ganc.errors import UserError, one_line
from ganc.export import torch as checkpoints
from ganc.metrics import cost
from ganc.models import store
from ganc.models.card import facts, trained_at
from ganc.ranges import whole
from ganc.types import Generator, Model


def load(path: Path, own: Generator | None = None) -> tuple[Model, dict[str, Any]]:
    """The generator at `path`, and what was stored along with it; `own` as in `store.load`.

    Raises:
        UserError: there is none.
    """
    if not path.exists():
        raise UserError(f"there is no file or directory {path}")
    if path.is_dir():
        return store.load(path, own), store.read_about(path)
    return checkpoints.load(path), {}


def describe(model: Model, about: dict[str, Any], size: int) -> Iterator[str]:
    """Lines that say what it is, what it costs at its own size, else at `size` px, and scores."""
    generator = model.generator
    widths = read_widths(model.params, generator.axes)
    height, width = trained_at(about) or (size, size)
    if "macs" not in about:
        macs = {
            convention: int(cost.macs(generator, height, width, convention)(widths))
            for convention in ("published", "true")
        }
        yield (
            f"multiply-adds: {macs['published']:,} at {height}x{width} px, published convention; "
            f"{macs['true']:,} computed"
        )
    how = generator.quantisation
    kind = "" if how is None else ", int8 codes with scales for kernels"
    yield f"bytes in a model directory: {store.stored_bytes(model):,}{kind}"
    for label, value in facts(model, about):
        yield f"{one_line(label)}: {one_line(value)}"
    for protocol, value in about.get("scores", {}).items():
        ends = about.get("intervals", {}).get(protocol)
        interval = "" if ends is None else f" ({ends[0]:.4g} to {ends[1]:.4g})"
        number = "not a number" if value is None else f"{value:.4g}"
        yield f"{one_line(protocol)}: {number}{interval}"


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    size: Annotated[int, whole(8, 4096)] = 256,
    network: Network = "",
) -> None:
    """Says what a model directory or a PyTorch checkpoint holds, and what it costs.

    Args:
        model: the directory of a stored model, or a PyTorch checkpoint.
        size: side of the pictures that multiply-adds are counted for, px, where the model does not
            say what it was made for.
        network: what defines the model, where it is of a network of one's own.
    """
    for line in describe(*load(model, imported(network)), size):
        print(line)


if __name__ == "__main__":
    cli.run(main)
