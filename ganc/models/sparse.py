"""Pruned arrays on disk: which weights are there, a bit each, and those weights.

NAME.bits     one bit per weight, in its order, the first in the highest bit of a byte; uint8
NAME.values   the weights that are not zero, in that order
NAME.shape    of the whole array

At 50 % zeros a float32 array takes 53 % of its dense size, at 90 % 13 %. A pattern of two in four
needs as many bits as sparse tensor cores keep of it: two for each weight that is there.
"""

import math
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
    """The inverse of `pack`, bit for bit; what comes out is at most 32 times what goes in.

    Raises:
        ValueError: a part is missing, or bits, values and shape do not fit each other.
    """
    flat = {}
    for name, array in packed.items():
        whole, _, part = name.rpartition(".")
        if part in ("values", "shape"):
            continue
        if part != "bits":
            flat[name] = array
            continue
        values, shape = (packed.get(f"{whole}.{part}") for part in ("values", "shape"))
        if values is None or shape is None:
            raise ValueError(f"{whole} lacks its values or its shape")
        flat[whole] = _unpack(whole, array, values, [int(n) for n in shape.ravel()])
    return flat


def _unpack(name: str, bits: np.ndarray, values: np.ndarray, shape: list[int]) -> np.ndarray:
    size = math.prod(shape)
    if bits.dtype != np.uint8 or min(shape, default=0) < 1 or bits.shape != (-(-size // 8),):
        raise ValueError(f"{name} has bits that do not fit its shape {shape}")
    there = np.unpackbits(bits, count=size).astype(bool)
    if values.shape != (int(there.sum()),):
        raise ValueError(f"{name} has {values.size} values for {there.sum()} places")
    dense = np.zeros(size, values.dtype)
    dense[there] = values
    return dense.reshape(shape)


def _there(array: np.ndarray) -> np.ndarray:
    # By its bits: a negative zero is a weight like any other, as hashes tell it from zero.
    flat = np.ascontiguousarray(array).ravel()
    return flat.view(_UNSIGNED[flat.dtype.itemsize]) != 0
