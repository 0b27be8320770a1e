"""What notebooks add to a run: the student's pictures in the cell while it is trained, its data."""

import io
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from ganc.compression.onlooker import onlooker
from ganc.data.pictures import to_float, to_uint8
from ganc.errors import UserError
from ganc.models.render import render
from ganc.types import Model


@contextmanager
def live(
    pictures: Sequence[np.ndarray], every: float = 20.0, clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Shows under the cell what the student of a once-for-all run makes of `pictures` by now.

    Args:
        pictures: uint8 (h w 3), all of one size that the generator takes.
        every: seconds between two drawings.
        clock: seconds.
    """
    from IPython import display  # type: ignore[import-not-found]  # where there are notebooks

    title, picture = (display.display(display.Markdown(""), display_id=True) for _ in range(2))
    last = float("-inf")

    def look(stage: str, step: int, model: Callable[[], Model]) -> None:
        nonlocal last
        if clock() - last >= every:
            title.update(display.Markdown(f"**{stage}, step {step:,}**: input and student"))
            picture.update(display.Image(strip(pictures, model())))
            last = clock()  # after the drawing, whose first takes a compilation

    with onlooker(look):
        yield


def strip(pictures: Sequence[np.ndarray], model: Model) -> bytes:
    """Pictures over what `model` makes of them, PNG."""
    given = np.stack(pictures)
    model = model._replace(params=jax.device_get(model.params))
    rows = np.concatenate([given, to_uint8(render(model, to_float(given)))], 1)
    scale = max(1, 192 // given.shape[2])
    sheet = np.concatenate(list(rows), 1).repeat(scale, 0).repeat(scale, 1)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue()


def unpacked(archive: str | Path, folder: str | Path) -> str:
    """The address of the data set in an archive, such as a zip, which is unpacked into `folder`.

    Raises:
        UserError: it can't be unpacked, or holds neither `trainA` nor `train`.
    """
    try:
        shutil.unpack_archive(archive, folder)
    except (OSError, ValueError, shutil.ReadError) as error:
        raise UserError(f"cannot unpack {archive}: {error}") from error
    for name in ("trainA", "train"):
        for found in sorted(Path(folder).rglob(name)):
            if found.is_dir():
                return f"folder:{found.parent}"
    raise UserError(f"{archive} holds no folder trainA (and trainB), nor train (pairs in one)")


def flags(**given: Any) -> list[str]:
    """A command line of what a form was filled in with; what was left empty is left out.

    Example:
        >>> flags(preset="earth64", budget="", teacher="net.pth")
        ['--preset', 'earth64', '--teacher', 'net.pth']
    """
    return [
        word
        for name, value in given.items()
        if value not in ("", None)
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
