"""Frozen networks that distances are taken with, and how pictures flow through them."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from ganc.data.batches import prefetch
from ganc.data.pictures import to_float
from ganc.errors import UserError
from ganc.features import inception, lite0, resizing
from ganc.features.resizing import Resize
from ganc.train import sharding
from ganc.types import Params

INCEPTION = "6726825d"
"""How the published file begins, hashed: it is part of its name."""


@dataclass(frozen=True, eq=False)
class Extractor:
    """A network that turns pictures into features.

    Attributes:
        protocol: its name and how pictures are resized: `lite0@224`.
        distance: the name of the Frechet distance between its features: `fd`, or `fid` for the
            Inception network of 2015-12-05.
        params: of `network`.
        prepare: picture, uint8 (h w 3) of any size, to float32 of one shape, on the host.
        network: params, prepared pictures (b ...) to features (b d); compiled.
    """

    protocol: str
    distance: str
    params: Params
    prepare: Callable[[np.ndarray], np.ndarray]
    network: Callable[[Params, Any], jax.Array]

    def __call__(
        self, read: Callable[[int], np.ndarray], count: int, batch: int = 16
    ) -> Iterator[np.ndarray]:
        """The features of pictures 0 to count - 1, in parts of at most `batch` rows, float32.

        Threads read and prepare ahead of the network; one shape is compiled, whatever the sizes;
        the batch is split over the local devices.
        """
        # A power of two where that is enough: few shapes, and little that is computed in vain.
        batch = min(batch, 2 ** (count - 1).bit_length())
        mesh = sharding.data_mesh(batch)
        params = sharding.replicate(self.params, mesh)

        def make(step: int) -> tuple[np.ndarray, int]:
            indices = range(step * batch, min((step + 1) * batch, count))
            rows = np.stack([self.prepare(read(i)) for i in indices])
            missing = batch - len(rows)
            return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), np.float32)]), missing

        for rows, missing in prefetch(make, 0, -(-count // batch)):
            features = self.network(params, jax.device_put(rows, sharding.split(mesh)))
            yield np.asarray(features)[: batch - missing]


def of_lite0(size: int = 224) -> Extractor:
    """EfficientNet-Lite0, which ships with the package; see `ganc.features.lite0`.

    Args:
        size: px to which pictures are resized.

    Raises:
        UserError: the network cannot see pictures so small.
    """
    if size < 32:
        raise UserError(f"Lite0 shrinks pictures to a 32nd; it needs 32 px or more, got {size}")
    network = jax.jit(partial(lite0.features, size=size))
    return Extractor(f"lite0@{size}", "fd", lite0.load(), partial(_resize, size=size), network)


def _resize(picture: np.ndarray, size: int) -> np.ndarray:
    # What lite0.features does to pictures of other sizes, but on the host: one compilation.
    if picture.shape[:2] == (size, size):
        return to_float(picture)
    return resizing.resize_by_pillow(to_float(picture), size, Image.Resampling.BILINEAR)


def of_inception(path: Path, resize: Resize = "bilinear") -> Extractor:
    """The network of FID, from a file that the user has; see `ganc.features.inception`.

    Args:
        path: of the weights.
        resize: which of the common ways; numbers under different ways cannot be compared.

    Raises:
        UserError: the file cannot be read, or holds another network.
    """
    params = inception.load(path)
    host = jax.local_devices(backend="cpu")[0]

    def prepare(picture: np.ndarray) -> np.ndarray:
        with jax.default_device(host):  # the accelerator has the network to run
            return np.asarray(resizing.resize(picture[None], resize)[0])

    name = f"inception{foreign(path, INCEPTION)}@{resizing.SIZE}-{resize}"
    return Extractor(name, "fid", params, prepare, jax.jit(inception.pool3))


def foreign(path: Path, published: str) -> str:
    """What a protocol adds to the name of a network with other weights than the published.

    Args:
        path: of the weights.
        published: the first digits of the SHA-256 of the published file.

    Returns: nothing, or `:` and the first eight digits of the file's own.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found.startswith(published) else f":{found[:8]}"
