"""Reads the arrays of an `.npz`, once it is known how much they are."""

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

_MEMBERS = 100_000


def read(path: Path, most: int) -> dict[str, np.ndarray]:
    """The arrays by name; nothing in the file is run.

    A file of kilobytes can claim, and unpack to, any number of bytes; what it claims is added up,
    and each array compared with what its header says, before anything is unpacked.

    Args:
        path: what `np.savez` wrote, compressed or not.
        most: bytes that all arrays together may have.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged, holds anything but arrays of plain values, or more than `most`.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                total = sum(member.file_size for member in members)
                if len(members) > _MEMBERS or total > most + 4096 * len(members):
                    raise ValueError(
                        f"it claims {len(members):,} arrays of {total:,} bytes in all, "
                        f"expected were at most {most:,}"
                    )
                return {
                    member.filename.removesuffix(".npy"): _array(archive, member)
                    for member in members
                }
        # zip, zlib and numpy raise a dozen types over a damaged file
        except Exception as error:
            raise ValueError(str(error) or type(error).__name__) from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, transposed, dtype = header(file)
        wanted = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not 0 <= wanted <= member.file_size:
            raise ValueError(
                f"{member.filename} of {member.file_size:,} bytes claims to hold {dtype} {shape}"
            )
        flat = np.frombuffer(file.read(), dtype)
    return flat.reshape(shape, order="F" if transposed else "C").copy()
