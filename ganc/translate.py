"""Applies a stored model to a folder of pictures: `python -m ganc.translate MODEL PICTURES OUT`.

Every picture is translated whole and at its own size, and written as PNG under its own name.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro
from PIL import Image

from ganc import cli
from ganc.data.batches import prefetch
from ganc.data.files import PIXELS, allow_pixels, decode, list_pictures, read_size
from ganc.data.video import map_video
from ganc.discovery.imported import Network, imported
from ganc.errors import UserError, one_line
from ganc.models.store import load
from ganc.ranges import whole
from ganc.runs.console import console, progress
from ganc.translation import Calls, padded, translate
from ganc.types import Generator, Model

MANY = 8
"""Sizes beyond which it is said what they cost: every one a compilation, of seconds.

Padded further they would be fewer, but an instance norm takes its mean over the padding too, so
that the picture changes by more than a level everywhere. Only `--multiple` does that."""
FEW = 2
"""Pictures of one size up to which its program is compiled hastily: nobody else will run it."""
BATCH = 16
"""Pictures of one size in a call, except on a CPU, which is as fast with one."""


def translate_folder(
    model: str | PathLike[str],
    pictures: str | PathLike[str],
    out: str | PathLike[str],
    *,
    skip_bad: bool = False,
    style_seed: int | None = None,
    multiple: int = 1,
    own: Generator | None = None,
) -> str:
    """Translates the pictures of a folder, size by size; existing results are overwritten.

    With `style_seed`, each is drawn in a random style of its own, for generators that have styles.
    `multiple` is that of `translate`; `own` is what defines the model, where it is of a network of
    one's own.

    Returns:
        What was done, in one line.

    Raises:
        UserError: if something cannot be read or written, or two pictures would be written under
            one name.
    """
    model, pictures, out = Path(model), Path(pictures), Path(out)
    loaded = load(model, own)
    _check_input(loaded, model)
    draw = _styles(loaded, model, style_seed)
    paths = list_pictures(pictures)
    _check_names(paths)
    groups = _by_size(loaded, paths, multiple, skip_bad)
    _make_directory(out, pictures)
    if len(groups) > MANY:
        console.print(
            f"{len(paths)} pictures of {len(groups)} sizes, each of which is compiled for; "
            "--multiple 32 makes them fewer, and changes what is drawn",
            soft_wrap=True,
        )
    start, done = time.perf_counter(), 0
    skipped: list[str] = []
    batch = 1 if jax.default_backend() == "cpu" else BATCH
    with progress("translate", len(paths), brief=True) as bar:
        for group in groups:
            calls = Calls(loaded, multiple, batch, hasty=len(group) <= FEW)
            for index, picture in zip(group, _decoded([paths[i] for i in group]), strict=True):
                if isinstance(picture, UserError) and not skip_bad:
                    raise UserError(f"{picture}; --skip-bad leaves such pictures out")
                if isinstance(picture, UserError):
                    skipped.append(paths[index].name)
                else:
                    calls.add(paths[index], picture, draw(index))
                for path, made in calls.ready(last=index == group[-1]):
                    _write(out / f"{path.stem}.png", made)
                    done += 1
                bar.advance()
            calls.forget()
    if not done:
        raise UserError(f"none of the pictures in {pictures} can be decoded")
    line = f"{done} pictures translated to {out} in {time.perf_counter() - start:.1f} s"
    if skipped:
        line += f", {len(skipped)} skipped: {', '.join(sorted(skipped))}"
    return one_line(line)


def _decoded(paths: Sequence[Path]) -> Iterator[np.ndarray | UserError]:
    def read(index: int) -> np.ndarray | UserError:
        try:
            return decode(paths[index])
        except UserError as error:
            return error

    return prefetch(read, 0, len(paths))


def translate_video(model: Path, video: Path, out: Path, own: Generator | None = None) -> str:
    """Translates a video frame by frame; its sound is left out. `own`: see `translate_folder`.

    Returns:
        What was done, in one line.

    Raises:
        UserError: something can't be read or written, or there is a file at `out`.
    """
    loaded = load(model, own)
    _check_input(loaded, model)
    start = time.perf_counter()
    with progress("translate", None, brief=True) as bar:

        def change(frame: np.ndarray) -> np.ndarray:
            made = translate(loaded, frame)
            bar.advance()
            return made

        count = map_video(video, out, change)
    seconds = time.perf_counter() - start
    return f"{count} frames translated to {out} in {seconds:.1f} s, {count / seconds:.1f} a second"


def _check_input(model: Model, path: Path) -> None:
    if model.generator.channels_in != 3:
        raise UserError(
            f"{path} takes label maps of {model.generator.channels_in} channels, not pictures"
        )


def _styles(model: Model, path: Path, seed: int | None) -> Callable[[int], np.ndarray | None]:
    if seed is None:
        return lambda index: None
    size = getattr(model.generator.spec, "style_dim", 0)
    if not size:
        raise UserError(f"{path} draws in one style; leave out --style-seed")
    return lambda index: np.random.default_rng([seed, index]).standard_normal(size, np.float32)


def _check_names(paths: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in paths:
        if (other := seen.setdefault(path.stem, path)) != path:
            raise UserError(
                f"{other.name} and {path.name} would both be written as {path.stem}.png"
            )


def _by_size(model: Model, paths: list[Path], multiple: int, skip_bad: bool) -> list[list[int]]:
    """The places of the pictures of every padded size."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, path in enumerate(paths):
        size = 0, 0  # of those that cannot be read
        try:
            size = padded(model, read_size(path), multiple)
        except UserError as error:
            if not skip_bad:
                raise UserError(f"{error}; --skip-bad leaves such pictures out") from error
        groups.setdefault(size, []).append(index)
    return list(groups.values())


def _make_directory(out: Path, pictures: Path) -> None:
    if out.resolve() == pictures.resolve():
        raise UserError(f"the results would overwrite the pictures in {pictures}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):  # the one test of permissions that holds anywhere
            pass
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}") from error


def _write(path: Path, picture: np.ndarray) -> None:
    try:
        Image.fromarray(picture).save(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    pictures: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PICTURES")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    skip_bad: tyro.conf.FlagCreatePairsOff[bool] = False,
    style_seed: int | None = None,
    max_pixels: Annotated[int, whole(1, 10**10)] = PIXELS,
    video: tyro.conf.FlagCreatePairsOff[bool] = False,
    multiple: Annotated[int, whole(1, 1024)] = 1,
    network: Network = "",
) -> None:
    """Applies a stored model to a folder of pictures, or to a video.

    Args:
        model: the directory of a stored model.
        pictures: a folder of PNG, JPEG and WebP pictures; its subfolders are not read.
        out: where to write the results, as PNG; made if it is not there.
        skip_bad: leave out pictures that cannot be decoded.
        style_seed: of random styles, one for each picture, where the model has styles (MUNIT); by
            default a picture keeps its own style.
        video: PICTURES is a video, and OUT the one to write, such as out.mp4.
        max_pixels: of a picture; more are refused.
        multiple: that height and width are padded to multiples of. Every size is compiled for, and
            of 32 there are fewer sizes; norms see the padding, so that it changes the pictures.
        network: what defines the model, where it is of a network of one's own.
    """
    allow_pixels(max_pixels)
    if video and (skip_bad or style_seed is not None or multiple > 1):
        raise UserError(
            "--skip-bad, --style-seed and --multiple are for folders of pictures, not for --video"
        )
    if video:
        line = translate_video(model, pictures, out, imported(network))
    else:
        how = {"skip_bad": skip_bad, "style_seed": style_seed, "multiple": multiple}
        line = translate_folder(model, pictures, out, **how, own=imported(network))
    console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main)
