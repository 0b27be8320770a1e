"""Stored models as a page that runs them: `python -m ganc.export.web MODEL OUT`."""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Annotated

import tyro

from ganc import cli
from ganc.errors import UserError
from ganc.export.new_file import check_new
from ganc.export.onnx.check import check
from ganc.export.onnx.file import library, model_proto
from ganc.export.onnx.metadata import metadata
from ganc.export.onnx.network import network
from ganc.export.web import runtime as browsers
from ganc.export.web.contents import Contents, contents, examples, page
from ganc.models import store
from ganc.models.families import fold
from ganc.ranges import whole
from ganc.types import Model

PACK = resources.files("ganc.export.web") / "page_pack"


def export(
    students: Sequence[Path],
    out: Path,
    *,
    teacher: Path | None = None,
    pictures: Path | None = None,
    classes: int | None = None,
    title: str | None = None,
    runtime: Path | None = None,
    checked: bool = True,
) -> list[str]:
    """Writes a page that runs stored models in a browser; see `main`.

    Returns: what was done, in lines.

    Raises:
        UserError: there is something at `out`, a model can't be read or shown, or a library or the
            browser's runtime is missing.
        RunError: a file's pictures are not its model's.
    """
    check_new(out)
    for name in ("onnx", *(["onnxruntime"] if checked else [])):
        library(name)
    version, files = browsers.read(runtime or browsers.find(Path.cwd()))
    abouts = [store.read_about(path) for path in students]
    models = [fold(store.load(path)) for path in students]
    full = None if teacher is None else fold(store.load(teacher))
    shown = contents(models, full, abouts[0], classes)
    lines, parts = [], {f"runtime/{name}": data for name, data in files.items()}
    named = [(f"student{i}", model) for i, model in enumerate(shown.students)]
    named += [] if full is None else [("teacher", full)]
    sizes = []
    for name, model in named:
        data, line = _file(model, checked)
        parts[f"models/{name}.onnx"] = data
        sizes.append((f"models/{name}.onnx", len(data)))
        lines += [f"{name}: {len(data):,} bytes{line}"]
    offered = {f"examples/{i}.png": png for i, png in enumerate(examples(shown, pictures))}
    about = page(shown, title or _title(shown), sizes, list(offered))
    parts["page.json"] = json.dumps(about, indent=1).encode()
    parts |= offered | {path.name: path.read_bytes() for path in PACK.iterdir()}
    write(out, parts)
    total = sum(map(len, parts.values()))
    lines.append(f"{out}: {total / 1e6:.0f} MB with ONNX Runtime {version}; ganc serve {out}")
    return lines


def _file(model: Model, checked: bool) -> tuple[bytes, str]:
    """A model's file, with pixels in and out, and what its comparison found."""
    built = network(model, pixels=True)
    data = model_proto(built, metadata(model, built, {})).SerializeToString()
    return data, f"; {check(data, built, model, None)}" if checked else ""


def _title(shown: Contents) -> str:
    source, _, target = str(shown.about.get("data", "")).rpartition(":")[2].partition("-")
    return f"{source} to {target}".capitalize() if target else "A generator in the browser"


def write(out: Path, parts: Mapping[str, bytes]) -> None:
    """Writes a folder of files, whole or not at all.

    Raises:
        UserError: there is something at `out`, or it can't be written.
    """
    check_new(out)
    partial = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # of an export that was killed
        for name, data in parts.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_bytes(data)
        partial.rename(out)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(partial)
        raise UserError(f"cannot write {out}: {error.strerror}") from error


def main(
    paths: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="MODEL [MODEL ...] OUT")
    ],
    teacher: Path | None = None,
    pictures: Path | None = None,
    classes: Annotated[int, whole(1, 4096)] | None = None,
    title: str | None = None,
    runtime: Path | None = None,
    no_check: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Writes a folder with a page that runs stored models in a browser, without a network.

    Pictures, a webcam or a drawing go in; what comes out is what `ganc translate` writes. Several
    models, such as `ganc pick` cuts out of a run, are points of a slider. Any host of static files
    serves the folder, and `ganc serve OUT` does on this machine.

    Args:
        paths: the directories of stored models, and the folder to write; it must not be there.
        teacher: the directory of a model to show beside them.
        pictures: a folder; its first 6 pictures stand ready on the page. By default those of the
            Earth, where the models were trained on it.
        classes: of the label maps that the models take, where one more channel marks edges; by
            default as many as there are channels.
        title: the heading; by default what the data set translates.
        runtime: onnxruntime-web, as an archive of npm pack or a folder; by default the one in the
            working directory.
        no_check: leave out the comparison of the models' files, which needs ONNX Runtime.
    """
    if len(paths) < 2:
        raise UserError("expected MODEL and OUT, or several models and OUT")
    for line in export(
        paths[:-1],
        paths[-1],
        teacher=teacher,
        pictures=pictures,
        classes=classes,
        title=title,
        runtime=runtime,
        checked=not no_check,
    ):
        print(line)


if __name__ == "__main__":
    cli.run(main)
