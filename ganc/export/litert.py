"""A stored model as a LiteRT (TensorFlow Lite) file: `ganc export litert MODEL OUT.tflite`.

The module of `ganc export torch --module`, which `litert-torch` converts. Its converter has no word
for transposed convolutions; they are written as plain ones whose channels are four pixels.
"""

import importlib
import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from ganc import cli
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.export.drawn import check_drawn
from ganc.export.module.file import loaded
from ganc.export.module.source import module
from ganc.export.new_file import check_new, write_new
from ganc.export.onnx.network import network
from ganc.export.onnx.phases import untransposed
from ganc.models import store
from ganc.models.card import trained_at
from ganc.models.families import fold
from ganc.types import Model


def serialise(model: Model, size: tuple[int, int], *, own_style: bool = False) -> bytes:
    """The content of the file, for one picture (1 h w c) of `size`, and its style if it takes one.

    Raises:
        UserError: a library is missing, or the generator takes no such size or can't be written.
    """
    built = network(model, size=size, own_style=own_style)
    built = replace(built, graph=untransposed(built.graph))
    torch, generator = library("torch"), loaded(module(built, "A generator.", "weights.pth"))
    examples = [torch.zeros(1, *size, model.generator.channels_in)]
    examples += [torch.zeros(1, int(port.shape[1])) for port in built.inputs[1:]]
    with _wide(), tempfile.TemporaryDirectory() as place:
        path, converter = Path(place, "model.tflite"), library("litert_torch")
        last = converter.to_channel_last_io(generator, args=[0], outputs=[0])
        converter.convert(last.eval(), tuple(examples)).export(str(path))
        return path.read_bytes()


@contextmanager
def _wide() -> Iterator[None]:
    """Numbers of 64 bits in JAX in here alone; the converter switches them on when imported."""
    before = jax.config.read("jax_enable_x64")
    try:
        jax.config.update("jax_enable_x64", True)
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def check(data: bytes, model: Model, size: tuple[int, int], own_style: bool) -> float:
    """The largest difference between the file's picture and the model's.

    Raises:
        UserError: LiteRT is not installed.
        RunError: it is more than `ganc.export.drawn.CLOSE`.
    """
    return check_drawn(partial(run, data), model, size, own_style=own_style)


def run(data: bytes, *arrays: np.ndarray) -> np.ndarray:
    """What a file makes of its inputs, on a CPU.

    Raises:
        UserError: LiteRT is not installed.
    """
    interpreter = library("ai_edge_litert.interpreter").Interpreter(model_content=data)
    interpreter.allocate_tensors()
    for port, array in zip(interpreter.get_input_details(), arrays, strict=True):
        interpreter.set_tensor(port["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def library(name: str) -> Any:
    """The module `name`, which is no requirement of this project.

    Raises:
        UserError: it is not installed.
    """
    _require(name.partition(".")[0])
    return importlib.import_module(name)


def _require(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise UserError(f"LiteRT files need {name}: pip install 'ganc[litert]'")


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    size: tuple[int, int] | None = None,
    own_style: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Writes a stored model as a LiteRT file, for one picture of one size.

    Args:
        model: the directory of a stored model.
        out: the file to write; it must not be there.
        size: height and width that the file is for; by default those of the model's training.
        own_style: a picture keeps its own style, where the model has styles (MUNIT); by default the
            style is an input.
    """
    check_new(out)
    for name in ("litert_torch", "ai_edge_litert"):  # at once, and not after the work
        _require(name)
    place = size or trained_at(store.read_about(model))
    if place is None:
        raise UserError(f"{model} does not say for what size it was trained: give --size")
    found = fold(store.load(model))
    data = serialise(found, place, own_style=own_style)
    gap = check(data, found, place, own_style)
    write_new(out, data)
    print(f"{out}: {len(data):,} bytes, {show_size(place)} px; differs by {gap:.1e} at most")


if __name__ == "__main__":
    cli.run(main)
