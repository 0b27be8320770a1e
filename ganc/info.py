"""What a model directory or a PyTorch checkpoint holds: `ganc info MODEL`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tyro

from ganc import cli
from ganc.channels import read_widths
from ganc.errors import UserError, one_line
from ganc.export import torch as checkpoints
from ganc.metrics import cost
from ganc.models import store
from ganc.models.families import family_of
from ganc.models.flat import params_sha256
from ganc.ranges import whole
from ganc.search.space import encode
from ganc.types import Model


def load(path: Path) -> tuple[Model, dict[str, Any]]:
    """The generator at `path`, and what was stored along with it.

    Raises:
        UserError: there is none.
    """
    if not path.exists():
        raise UserError(f"there is no file or directory {path}")
    if path.is_dir():
        return store.load(path), store.read_about(path)
    return checkpoints.load(path), {}


def describe(model: Model, about: dict[str, Any], size: int) -> Iterator[str]:
    """Lines that say what it is and what it costs, at its own size or else at `size` px."""
    generator = model.generator
    widths = read_widths(model.params, generator.axes)
    height, width = about.get("shape", (size, size))[:2]
    yield f"family      {family_of(generator.spec)}: {generator.spec}"
    if model.arch is not None:
        yield f"arch        {encode(model.arch)}"
    yield f"parameters  {int(cost.params(generator)(widths)):,}"
    macs = {
        convention: int(cost.macs(generator, height, width, convention)(widths))
        for convention in ("published", "true")
    }
    yield (
        f"MACs        {macs['published']:,} at {height}x{width} px, published convention; "
        f"{macs['true']:,} computed"
    )
    yield f"pictures    sides multiples of {generator.divisor}, at least {generator.minimum} px"
    yield f"sha256      {params_sha256(model.params)}"
    for key, value in about.items():
        yield f"{one_line(key):<11} {one_line(json.dumps(value))}"


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    size: Annotated[int, whole(8, 4096)] = 256,
) -> None:
    """Says what a model directory or a PyTorch checkpoint holds, and what it costs.

    Args:
        model: the directory of a stored model, or a PyTorch checkpoint.
        size: side of the pictures that multiply-adds are counted for, px, where the model does not
            say what it was made for.
    """
    for line in describe(*load(model), size):
        print(line)


if __name__ == "__main__":
    cli.run(main)
