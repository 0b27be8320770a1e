"""Videos, frame by frame, with PyAV."""

import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ganc.errors import UserError

_CODECS = ("libx264", "mpeg4")
"""Encoders, the better one first."""


def map_video(source: Path, out: Path, change: Callable[[np.ndarray], np.ndarray]) -> int:
    """Writes a video of the changed frames of another, at its rate and without its sound.

    An odd height or width loses its last row or column, as the usual encodings require. The file is
    written whole or not at all.

    Args:
        source: any video that FFmpeg reads.
        out: the file to write, .mp4, .mkv or .mov; it must not be there.
        change: a frame, uint8 (h w 3), to one of the same size.

    Returns: how many frames there were.

    Raises:
        UserError: PyAV is not installed, there is a file at `out`, or one can't be read or written.
    """
    try:
        av: Any = importlib.import_module("av")
    except ImportError as error:
        raise UserError("videos need PyAV: pip install 'ganc[video]'") from error
    if out.exists():
        raise UserError(f"{out} exists; give another name, or remove it")
    partial = out.with_name(f".partial.{out.name}")
    try:
        with av.open(str(source)) as given:
            if not given.streams.video:
                raise UserError(f"{source} holds no video")
            with av.open(str(partial), "w") as made:
                count = _copy(av, given, made, change)
        if not count:
            raise UserError(f"{source} holds no frames")
        partial.rename(out)
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot make {out} of {source}: {reason}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return count


def _copy(av: Any, given: Any, made: Any, change: Callable[[np.ndarray], np.ndarray]) -> int:
    stream = given.streams.video[0]
    codec = next(name for name in _CODECS if name in av.codecs_available)
    track, count = made.add_stream(codec, rate=stream.average_rate or 25), 0
    track.pix_fmt = "yuv420p"
    for frame in given.decode(stream):
        picture = change(frame.to_ndarray(format="rgb24"))
        height, width = (n // 2 * 2 for n in picture.shape[:2])
        if not count:
            track.height, track.width = height, width
        even = np.ascontiguousarray(picture[:height, :width])
        for packet in track.encode(av.VideoFrame.from_ndarray(even, format="rgb24")):
            made.mux(packet)
        count += 1
    for packet in track.encode():
        made.mux(packet)
    return count
