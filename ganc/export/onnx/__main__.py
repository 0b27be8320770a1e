"""A stored model as an ONNX file: `python -m ganc.export.onnx MODEL OUT.onnx`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from ganc import cli
from ganc.channels import read_widths
from ganc.data.dataset import EARTH_LABELS, Dataset, open_dataset
from ganc.data.pictures import show_size, to_float
from ganc.discovery.imported import Network as Imported
from ganc.discovery.imported import imported
from ganc.errors import UserError
from ganc.export.new_file import check_new, write_new
from ganc.export.onnx.check import Example, check, examples, feed, run, session
from ganc.export.onnx.file import OPSET, library, model_proto
from ganc.export.onnx.metadata import metadata
from ganc.export.onnx.network import STYLE, Network, network
from ganc.export.onnx.pictures import calibration, of_data
from ganc.export.onnx.quantise import coded, quantise
from ganc.metrics import cost
from ganc.metrics.latency import latency
from ganc.models import store
from ganc.models.card import trained_at
from ganc.models.families import fold
from ganc.runs.console import console
from ganc.scores.judge import Judge
from ganc.types import Generator, Model

FEATURES = 128
"""Pixels at which Lite0 sees the pictures whose distances are compared."""


@dataclass(frozen=True)
class Calibration:
    """Pictures to find the ranges of an eight-bit file with, and to show what it loses on.

    Attributes:
        data: the data set.
        size: height and width of its pictures.
    """

    data: Dataset
    size: tuple[int, int]


def export(
    model_dir: Path,
    out: Path,
    *,
    pixels: bool = False,
    size: tuple[int, int] | None = None,
    own_style: bool = False,
    float16: bool = False,
    int8: Calibration | None = None,
    beside: Path | None = None,
    checked: bool = True,
    own: Generator | None = None,
) -> list[str]:
    """Writes a stored model as an ONNX file; see `main`.

    Returns: what was done, in lines.

    Raises:
        UserError: there is such a file, the model can't be read or exported, or a library is
            missing.
        RunError: the file's pictures are not the model's.
    """
    check_new(out)
    _require(checked)
    model = fold(store.load(model_dir, own))
    exact = model.generator.quantisation is None  # else a last digit decides how something rounds
    if not exact and (float16 or int8 is not None):
        raise UserError(f"{model_dir} is in eight bits already: leave --int8 and --float16 out")
    full = None if beside is None else fold(store.load(beside, own))
    ports: dict[str, Any] = {"pixels": pixels, "size": size, "own_style": own_style}
    built = network(model, **ports)
    built = built if exact else coded(built)
    said = metadata(model, built, store.read_about(model_dir))
    data = model_proto(built, said).SerializeToString()
    lines = [check(data, built, model, size, strict=exact)] if checked else []
    if float16 or int8 is not None:
        lines.append(f"float32: {len(data):,} bytes")
    if float16:
        data = model_proto(built, said, float16=True).SerializeToString()
        if checked:
            lines.append(f"float16: {check(data, built, model, size, strict=False)}")
    if int8 is not None:
        codes = quantise(
            built, (feed(built, some) for some in calibration(int8.data, int8.size, built))
        )
        whole, data = data, model_proto(codes, said).SerializeToString()
        lines += losses(whole, data, built, int8)
    if full is not None:
        other = model_proto(network(full, **ports), {}).SerializeToString()
        side = 4 * full.generator.divisor
        place = size or trained_at(store.read_about(model_dir)) or (side, side)
        each = next(examples(built, model.generator, place))
        lines.append(speed([data, other], [model, full], built, each))
    write_new(out, data)
    nodes = len(built.graph.nodes)
    lines.append(f"{out}: {len(data):,} bytes, opset {OPSET}, {nodes} operators before rounding")
    return [*lines, _describe(built, model)]


def losses(exact: bytes, rounded: bytes, built: Network, int8: Calibration) -> list[str]:
    """What the eight-bit file's pictures lose against the exact one's, in lines.

    Both translate the report pictures; distances are to the real ones.
    """
    judge = Judge.open(int8.data, int8.size, FEATURES)
    made = [_pictures(file, built, int8) for file in (exact, rounded)]
    gap = np.abs(made[0].astype(int) - made[1])
    place = f"{len(gap)} report pictures of {int8.data.name}, {show_size(int8.size)} px"
    lines = [
        f"int8: L1 to the float32 file {gap.mean() / 255:.4f} of full range, at most {gap.max()} "
        f"of 255 levels, on {place}"
    ]
    values = [judge.values(to_float(pictures)) for pictures in made]
    for protocol, value in values[0].items():
        lines.append(f"{protocol}: float32 {value.value:.4g}, int8 {values[1][protocol].value:.4g}")
    return lines


def speed(files: Sequence[bytes], models: Sequence[Model], built: Network, each: Example) -> str:
    """What a model and a larger one take for a picture, and what they compute, in one line.

    Args:
        files: the content of their files, with the same ports.
        models: the two.
        built: the network of one of them.
        each: the picture.
    """
    height, width = each.given.shape[1:3]
    given = feed(built, each)
    calls = {str(i): partial(session(file).run, None, given) for i, file in enumerate(files)}
    times = latency(calls, warmup=5, repeats=30)
    styles: dict[str, Any] = {
        n: jax.ShapeDtypeStruct(a.shape, a.dtype) for n, a in given.items() if n == STYLE
    }
    macs = [
        int(
            cost.macs(model.generator, height, width, **styles)(
                read_widths(model.params, model.generator.axes)
            )
        )
        for model in models
    ]
    ms = [times[name]["p50"] for name in calls]
    return (
        f"a picture of {height}x{width} px in ONNX Runtime: {ms[0]:.2f} ms against {ms[1]:.2f}, "
        f"{ms[1] / ms[0]:.1f}x; multiply-adds {macs[0]:,} against {macs[1]:,}, "
        f"{macs[1] / macs[0]:.1f}x"
    )


def _pictures(file: bytes, built: Network, int8: Calibration) -> np.ndarray:
    ready = session(file)
    given = of_data(int8.data, int8.data.report_a, int8.size, built)
    return np.concatenate([run(ready, built, each) for each in given])


def _require(checked: bool) -> None:
    library("onnx")
    try:
        if checked:
            library("onnxruntime")
    except UserError as error:
        raise UserError(f"{error}; or leave the comparison out by --no-check") from error


def _describe(built: Network, model: Model) -> str:
    ports = [
        f"{port.name} {port.dtype} ({', '.join(map(str, port.shape))})"
        for port in (*built.inputs, built.output)
    ]
    line = f"{' and '.join(ports[:-1])} to {ports[-1]}"
    port, unit, least = built.inputs[0], model.generator.divisor, model.generator.minimum
    if port.dtype == "float32" and not isinstance(port.shape[-1], int):
        line += f"; height and width are multiples of {unit}, {least} or more"
    return line


def _calibration(
    model: Path, address: str | None, given: tuple[int, int] | None, skip_bad: bool
) -> Calibration:
    if address is None:
        raise UserError("--int8 needs pictures to find its ranges with: --data folder:DIR")
    size = given or trained_at(store.read_about(model))
    if size is None:
        raise UserError(f"{model} does not say for what size it was trained: give --data-size")
    labels = EARTH_LABELS if address == "earth:labels-satellite" else None
    data = open_dataset(address, size, skip_bad=skip_bad, labels=labels)
    return Calibration(data, size)


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    pixels: tyro.conf.FlagCreatePairsOff[bool] = False,
    size: tuple[int, int] | None = None,
    own_style: tyro.conf.FlagCreatePairsOff[bool] = False,
    float16: tyro.conf.FlagCreatePairsOff[bool] = False,
    int8: tyro.conf.FlagCreatePairsOff[bool] = False,
    data: str | None = None,
    data_size: tuple[int, int] | None = None,
    skip_bad: tyro.conf.FlagCreatePairsOff[bool] = False,
    beside: Path | None = None,
    no_check: tyro.conf.FlagCreatePairsOff[bool] = False,
    network: Imported = "",
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
        int8: round what convolutions take, weigh with and give to eight bits, with ranges that are
            measured on training pictures of --data; what is lost is shown on its report pictures.
        data: for --int8: earth, earth:TASK, folder:DIR or tfds:NAME; label maps only of the Earth.
        data_size: height and width of its pictures; by default those of the model's training.
        skip_bad: leave out pictures that cannot be decoded.
        beside: the directory of a larger model, such as the teacher; times and multiply-adds of
            both are shown.
        no_check: leave out the comparison, which needs ONNX Runtime.
        network: what defines the model, where it is of a network of one's own.
    """
    if int8 and float16:
        raise UserError("a file is --int8 or --float16, not both")
    lines = export(
        model,
        out,
        pixels=pixels,
        size=size,
        own_style=own_style,
        float16=float16,
        int8=_calibration(model, data, data_size or size, skip_bad) if int8 else None,
        beside=beside,
        checked=not no_check,
        own=imported(network),
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main)
