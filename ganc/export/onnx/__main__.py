"""A stored model as an ONNX file: `python -m ganc.export.onnx MODEL OUT.onnx`."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from ganc import cli
from ganc.channels import read_widths
from ganc.errors import UserError
from ganc.export.onnx.check import check
from ganc.export.onnx.file import OPSET, check_new, library, model_proto, write_new
from ganc.export.onnx.network import Network, network
from ganc.models import store
from ganc.models.families import family_of, fold
from ganc.models.flat import params_sha256
from ganc.runs.console import console
from ganc.types import Model


def metadata(model: Model, built: Network, about: dict[str, Any]) -> dict[str, Any]:
    """What a file says of itself."""
    generator, ports = model.generator, (*built.inputs, built.output)
    return {
        "family": family_of(generator.spec),
        "spec": str(generator.spec),
        "architecture": "_".join(map(str, model.arch or ())),
        "widths": dict(read_widths(model.params, generator.axes)),
        "params_sha256": params_sha256(model.params),
        "ports": {port.name: [port.dtype, *port.shape] for port in ports},
        "divisor": str(generator.divisor),
        "minimum": str(generator.minimum),
        "about": about,
    }


def export(
    model_dir: Path,
    out: Path,
    *,
    pixels: bool = False,
    size: tuple[int, int] | None = None,
    own_style: bool = False,
    float16: bool = False,
    checked: bool = True,
) -> list[str]:
    """Writes a stored model as an ONNX file; see `main`.

    Returns: what was done, in lines.

    Raises:
        UserError: there is such a file, the model can't be read or exported, or a library is
            missing.
        RunError: the file's pictures are not the model's.
    """
    check_new(out)
    library("onnx")
    if checked:
        _require_runtime()
    model = fold(store.load(model_dir))
    built = network(model, pixels=pixels, size=size, own_style=own_style)
    about = metadata(model, built, store.read_about(model_dir))
    data = model_proto(built, about, float16=float16).SerializeToString()
    lines = [check(data, built, model, size, strict=not float16)] if checked else []
    write_new(out, data)
    nodes = len(built.graph.nodes)
    lines.append(f"{out}: {len(data):,} bytes, opset {OPSET}, {nodes} nodes")
    return lines + [_describe(built, model)]


def _require_runtime() -> None:
    try:
        library("onnxruntime")
    except UserError as error:
        raise UserError(f"{error}; or leave the comparison out by --no-check") from error


def _describe(built: Network, model: Model) -> str:
    ports = [
        f"{port.name} {port.dtype} ({', '.join(map(str, port.shape))})"
        for port in (*built.inputs, built.output)
    ]
    line = f"{' and '.join(ports[:-1])} to {ports[-1]}"
    port, generator = built.inputs[0], model.generator
    if port.dtype == "float32" and not isinstance(port.shape[-1], int):
        line += (
            f"; height and width are multiples of {generator.divisor}, {generator.minimum} or more"
        )
    return line


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    pixels: tyro.conf.FlagCreatePairsOff[bool] = False,
    size: tuple[int, int] | None = None,
    own_style: tyro.conf.FlagCreatePairsOff[bool] = False,
    float16: tyro.conf.FlagCreatePairsOff[bool] = False,
    no_check: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Writes a stored model as an ONNX file, and compares its pictures with the model's.

    Args:
        model: the directory of a stored model.
        out: the file to write; it must not be there.
        pixels: uint8 pictures (b h w 3) of any size in and out, with the scaling and the filling up
            inside; otherwise float32 (b 3 h w) in [-1, 1], of sizes that the network takes.
        size: height and width that the file is for; by default any.
        own_style: a picture keeps its own style, where the model has styles (MUNIT); by default the
            style is an input.
        float16: keep the weights in half the bytes; the arithmetic stays in float32.
        no_check: leave out the comparison, which needs ONNX Runtime.
    """
    lines = export(
        model,
        out,
        pixels=pixels,
        size=size,
        own_style=own_style,
        float16=float16,
        checked=not no_check,
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main)
