"""Kernels of a quantised generator on disk: int8 codes, with scales beside them.

NAME         int8, of the kernel's shape
NAME_scale   one scale, or one for each output channel
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganc.errors import UserError
from ganc.models.quantised import Quantisation, is_kernel, quantised
from ganc.nn import fake_quant
from ganc.types import Discriminator, Generator

_SCALE = "_scale"


def rounded(network: Generator | Discriminator, quantisation: Any, path: Path) -> Generator:
    """`network` quantised as the file `path` says.

    Raises:
        UserError: it is no generator, or what is said is no `Quantisation`.
    """
    if not isinstance(network, Generator):
        raise UserError(f"{path}: only generators are quantised, this is a discriminator")
    try:
        return quantised(network, Quantisation(**quantisation))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: bad quantisation: {error}") from error


def encode(flat: Mapping[str, np.ndarray], how: Quantisation) -> dict[str, np.ndarray]:
    """`flat` with int8 codes for its kernels, and their scales beside them."""
    encoded = dict(flat)
    for path in filter(is_kernel, flat):
        codes, scale = fake_quant.encode(flat[path], per_channel=how.per_channel)
        encoded |= {path: codes, path + _SCALE: scale}
    return encoded


def decode(flat: Mapping[str, np.ndarray], where: Path) -> dict[str, np.ndarray]:
    """The inverse of `encode`, of what was read from the file `where`.

    Raises:
        UserError: a kernel has no codes, or no scales that fit them.
    """
    decoded = dict(flat)
    for path in filter(is_kernel, flat):
        codes, scale = flat[path], decoded.pop(path + _SCALE, None)
        if codes.dtype != np.int8 or scale is None or scale.shape not in ((1,), codes.shape[-1:]):
            raise UserError(
                f"{where}: {path} is {codes.dtype} {codes.shape}, expected int8 codes with "
                f"one scale or one for each output channel in {path + _SCALE}"
            )
        decoded[path] = fake_quant.decode(codes, scale)
    return decoded
