"""Picture files: which ones are read, and how they become uint8 arrays (h w 3)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from ganc.errors import UserError

EXTENSIONS = (".jpeg", ".jpg", ".png", ".webp")
# The other decoders of Pillow stay out of reach of data from strangers. JPEG includes MPO, which
# many phones write.
_FORMATS = ("JPEG", "PNG", "WEBP")

PIXELS = 64_000_000
"""The most that a picture may have, unless more are allowed: they take 192 MB. The header alone, of
a hundred bytes, says how many a decoder allocates; Pillow allows 179 million."""
_allowed = PIXELS


def allow_pixels(most: int) -> None:
    """From now on pictures may have up to `most` pixels, in all this process.

    It takes the place of Pillow's own limit, which is a setting of the process too.
    """
    global _allowed
    _allowed, Image.MAX_IMAGE_PIXELS = most, None


def list_pictures(directory: Path) -> list[Path]:
    """The picture files of one folder, sorted by name; subfolders and hidden files are not read.

    Raises:
        UserError: if there is no such folder, or no picture in it.
    """
    try:
        entries = sorted(directory.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise UserError(f"cannot read the folder {directory}: {error.strerror}") from error
    # macOS leaves "._NAME.jpg" beside NAME.jpg on foreign disks; it is not a picture.
    found = [
        path
        for path in entries
        if path.suffix.lower() in EXTENSIONS and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise UserError(
            f"{directory} holds no picture; read are {' '.join(EXTENSIONS)}, not in subfolders"
        )
    return found


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path, formats=_FORMATS)
    except Image.UnidentifiedImageError as error:
        raise UserError(f"cannot decode {path}: not a PNG, JPEG or WebP picture") from error
    # OSError, Pillow's own limit, or whatever a decoder makes of what stands before the pixels: a
    # PNG's texts can unpack to gigabytes, which Pillow stops with a ValueError.
    except Exception as error:
        raise UserError(f"cannot open {path}: {error}") from error
    if image.width * image.height > _allowed:
        image.close()
        raise UserError(
            f"cannot open {path}: it has {image.width:,} x {image.height:,} pixels, allowed are "
            f"{_allowed:,} (--max-pixels)"
        )
    return image


def read_size(path: Path) -> tuple[int, int]:
    """Height and width (px) as the header states them, before any rotation by EXIF.

    Raises:
        UserError: if the header cannot be read, or states more pixels than are allowed.
    """
    with _open(path) as image:
        return image.height, image.width


def read_colours(path: Path) -> Literal["rgb", "grey", "transparent"]:
    """What `decode` has to turn into RGB, as the header states it.

    Raises:
        UserError: if the header cannot be read.
    """
    with _open(path) as image:
        if image.has_transparency_data:
            return "transparent"
        return "grey" if image.mode == "1" or image.mode[0] in "LIF" else "rgb"


def decode(path: Path) -> np.ndarray:
    """A picture as uint8 (h w 3): turned as EXIF says, transparency laid on white.

    Raises:
        UserError: if the file cannot be decoded; the message names it.
    """
    with _open(path) as image:
        try:
            return _to_rgb(image)
        # A damaged file can make a decoder raise almost anything (OSError, SyntaxError,
        # zlib.error, struct.error, ...).
        except Exception as error:
            raise UserError(f"cannot decode {path}: {error}") from error


def decode_labels(path: Path) -> np.ndarray:
    """A label map as integers (h w): a PNG of grey levels, of 8 or 16 bits, or of a palette.

    Raises:
        UserError: if the file cannot be decoded, or holds colours.
    """
    with _open(path) as image:
        if image.mode not in ("L", "P", "1") and not image.mode.startswith("I"):
            raise UserError(f"{path} is no label map: expected one channel, got {image.mode}")
        try:
            return np.asarray(image).astype(np.int32)
        except Exception as error:  # as in `decode`
            raise UserError(f"cannot decode {path}: {error}") from error


def _to_rgb(image: Image.Image) -> np.ndarray:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit grey, which convert("RGB") would clip at 255
        grey = np.clip(np.asarray(image, np.float32) / 257, 0, 255)  # 65535 / 257 = 255
        return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=-1)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def unreadable(paths: Sequence[Path], *, skip_bad: bool) -> dict[Path, str]:
    """The files to leave out, each with the reason; there are none without `skip_bad`.

    Without it only the headers are read, with it every picture is decoded.

    Raises:
        UserError: there are some, and `skip_bad` is not asked for.
    """
    bad = find_bad(paths, thoroughly=skip_bad)
    if bad and not skip_bad:
        others = f" ({len(bad) - 1} more like it)" if len(bad) > 1 else ""
        raise UserError(f"{next(iter(bad.values()))}{others}; --skip-bad leaves such pictures out")
    return bad


def find_bad(paths: Sequence[Path], *, thoroughly: bool) -> dict[Path, str]:
    """The files that cannot be read, each with the reason.

    Args:
        paths: of picture files.
        thoroughly: decode every picture, which finds truncated files; else read the headers alone.
    """
    check = decode if thoroughly else read_size

    def reason(path: Path) -> str | None:
        try:
            check(path)
        except UserError as error:
            return str(error)
        return None

    with ThreadPoolExecutor() as pool:  # the decoders of Pillow release the interpreter lock
        reasons = pool.map(reason, paths)
    return {path: why for path, why in zip(paths, reasons, strict=True) if why is not None}
