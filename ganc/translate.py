"""Applies a stored model to a folder of pictures: `python -m ganc.translate MODEL PICTURES OUT`.

Every picture is translated whole and at its own size, and written as PNG under its own name.
"""

import math
import tempfile
import time
from collections.abc import Callable, Mapping
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
from ganc.data.pictures import to_float, to_uint8
from ganc.data.video import map_video
from ganc.discovery.imported import Network, imported
from ganc.errors import UserError, one_line
from ganc.models.store import load
from ganc.ranges import whole
from ganc.runs.console import console, progress
from ganc.types import Generator, Model, Output, Params

MANY = 8
"""Distinct sizes from which on pictures are padded to multiples of `COARSE`."""

COARSE = 32
"""Every distinct padded size costs a compilation, of seconds; a folder of photographs can have
hundreds of sizes. Rounded up to multiples of 32 they fall into a few dozen, for at most 31 more
rows and columns. With few sizes the padding is the least that the generator allows, because an
instance norm sees the padding too."""


def translate(
    model: Model,
    picture: np.ndarray,
    *,
    multiple: int | None = None,
    style: np.ndarray | None = None,
    hasty: bool = False,
) -> np.ndarray:
    """The translation of one picture, whole and at its own size.

    It is mirrored at its lower and right edges up to a size that the generator takes, and the
    result cut back.

    Args:
        model: whose generator takes pictures.
        picture: uint8 (h w 3) of any size.
        multiple: that height and width are padded to multiples of; by default the least that the
            generator allows.
        style: (style_dim), for a generator that has styles; by default the picture keeps its own.
        hasty: compile for its size without optimisation, in half the time, to the same pixels.

    Returns:
        uint8 (h w 3).
    """
    height, width = picture.shape[:2]
    padded = _padded(model, (height, width), multiple or 1)
    x = np.pad(picture, ((0, padded[0] - height), (0, padded[1] - width), (0, 0)), mode="reflect")
    inputs = {} if style is None else {"style": style[None]}
    apply = _apply_hastily if hasty else _apply
    image = apply(model.generator.apply, model.params, to_float(x)[None], inputs)
    return to_uint8(np.asarray(image[0, :height, :width]))


def _forward(
    apply: Callable[..., Output], params: Params, x: np.ndarray, inputs: Mapping[str, np.ndarray]
) -> jax.Array:
    return apply(params, x, **inputs).image  # the taps are dropped here, so nobody computes them


_apply = jax.jit(_forward, static_argnums=0)
_apply_hastily = jax.jit(
    _forward, static_argnums=0, compiler_options={"xla_backend_optimization_level": 0}
)


def _padded(model: Model, size: tuple[int, int], multiple: int) -> tuple[int, int]:
    unit = math.lcm(model.generator.divisor, multiple)
    height, width = (math.ceil(max(n, model.generator.minimum) / unit) * unit for n in size)
    return height, width


def translate_folder(
    model: str | PathLike[str],
    pictures: str | PathLike[str],
    out: str | PathLike[str],
    *,
    skip_bad: bool = False,
    style_seed: int | None = None,
    own: Generator | None = None,
) -> str:
    """Translates the pictures of a folder; existing results are overwritten.

    With `style_seed`, each is drawn in a random style of its own, for generators that have styles.
    `own` is what defines the model, where it is of a network of one's own.

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
    multiple = _choose_multiple(loaded, paths, skip_bad)
    _make_directory(out, pictures)
    start, done, skipped = time.perf_counter(), 0, []

    def read(index: int) -> np.ndarray | UserError:
        try:
            return decode(paths[index])
        except UserError as error:
            return error

    with progress("translate", len(paths), brief=True) as bar:
        found = zip(paths, prefetch(read, 0, len(paths)), strict=True)
        for index, (path, picture) in enumerate(found):
            if not isinstance(picture, UserError):
                made = translate(
                    loaded,
                    picture,
                    multiple=multiple,
                    style=draw(index),
                    hasty=multiple == COARSE,  # a compilation serves a picture or two
                )
                _write(out / f"{path.stem}.png", made)
                done += 1
            elif skip_bad:
                skipped.append(path.name)
            else:
                raise UserError(f"{picture}; --skip-bad leaves such pictures out")
            bar.advance()
    if not done:
        raise UserError(f"none of the pictures in {pictures} can be decoded")
    line = f"{done} pictures translated to {out} in {time.perf_counter() - start:.1f} s"
    return one_line(line + (f", {len(skipped)} skipped: {', '.join(skipped)}" if skipped else ""))


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


def _choose_multiple(model: Model, paths: list[Path], skip_bad: bool) -> int:
    sizes = set()
    for path in paths:
        try:
            sizes.add(_padded(model, read_size(path), 1))
        except UserError as error:
            if not skip_bad:
                raise UserError(f"{error}; --skip-bad leaves such pictures out") from error
    return COARSE if len(sizes) > MANY else 1


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
        network: what defines the model, where it is of a network of one's own.
    """
    allow_pixels(max_pixels)
    if video and (skip_bad or style_seed is not None):
        raise UserError("--skip-bad and --style-seed are for folders of pictures, not for --video")
    if video:
        line = translate_video(model, pictures, out, imported(network))
    else:
        how = {"skip_bad": skip_bad, "style_seed": style_seed}
        line = translate_folder(model, pictures, out, **how, own=imported(network))
    console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main)
