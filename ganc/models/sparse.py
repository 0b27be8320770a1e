"""Pruned arrays on disk: which weights are there, a bit each, and those weights.

NAME.bits     one bit per weight, in its order, the first in the highest bit of a byte; uint8
NAME.values   the weights that are not zero, in that order
NAME.shape    of the whole array

At 50 % zeros a float32 array takes 53 % of its dense size, at 90 % 13 %. A pattern of two in four
needs as many bits as sparse tensor cores keep of it: two for each weight that is there.
"""

from collections.abc import Mapping

import numpy as np

LEAST = 1 / 16
"""The share of zeros from which an array is stored sparse; its bits cost a 32nd of its size."""

_UNSIGNED = {2: np.uint16, 4: np.uint32}


def pack(flat: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`flat` with sparse kernels and matrices in their packed form; the others stay as they are."""
    packed: dict[str, np.ndarray] = {}
    for name, array in flat.items():
        there = _there(array)
        if array.ndim < 2 or there.mean() > 1 - LEAST:
            packed[name] = array
            continue
        packed[f"{name}.bits"] = np.packbits(there)
        packed[f"{name}.values"] = array.ravel()[there]
        packed[f"{name}.shape"] = np.array(array.shape, np.int64)
    return packed


def unpack(packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `pack`, bit for bit.

    Raises:
        ValueError: bits and values do not fit each other.
        KeyError: a part is missing.
    """
    flat = {}
    for name, array in packed.items():
        whole, _, part = name.rpartition(".")
        if part in ("values", "shape"):
            continue
        if part != "bits":
            flat[name] = array
            continue
        values, shape = packed[f"{whole}.values"], packed[f"{whole}.shape"]
        there = np.unpackbits(array, count=int(np.prod(shape))).astype(bool)
        dense = np.zeros(there.shape, values.dtype)
        dense[there] = values
        flat[whole] = dense.reshape(shape)
    return flat


def _there(array: np.ndarray) -> np.ndarray:
    # By its bits: a negative zero is a weight like any other, as hashes tell it from zero.
    flat = np.ascontiguousarray(array).ravel()
    return flat.view(_UNSIGNED[flat.dtype.itemsize]) != 0
