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

from ganc import hosts
from ganc.batching import fill
from ganc.data.batches import prefetch
from ganc.errors import UserError
from ganc.features import inception, lite0, resizing
from ganc.features.resizing import Resize
from ganc.scores.sets import as_floats
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
        prepare: picture (h w 3), uint8 of any size or float32 in [-1, 1], to float32 of one shape,
            on the host.
        network: params, prepared pictures (b ...) to features (b d); compiled.
        batch: pictures in a call.
        fixed: whether every call takes so many, on one device: then not even the last bit of a
            feature depends on how many pictures or devices there are. Otherwise batches shrink
            to small sets and are split over the local devices.
    """

    protocol: str
    distance: str
    params: Params
    prepare: Callable[[np.ndarray], np.ndarray]
    network: Callable[[Params, Any], jax.Array]
    batch: int = 16
    fixed: bool = False

    def __call__(self, read: Callable[[int], np.ndarray], count: int) -> Iterator[np.ndarray]:
        """The features of pictures 0 to `count` - 1, float32, in parts of at most `batch` rows.

        Threads read and prepare ahead of the network; one shape is compiled, whatever the sizes.
        Of several processes each makes the features of its share, and all get all of them.
        """
        # A power of two where that is enough: few shapes, and little that is computed in vain.
        batch = self.batch if self.fixed else min(self.batch, 2 ** (count - 1).bit_length())
        params, place = self.params, np.asarray
        if not self.fixed:
            mesh = sharding.data_mesh(batch, alone=True)
            params = jax.device_put(params, sharding.replicated(mesh))
            place = partial(jax.device_put, device=sharding.split(mesh))

        def make(step: int) -> tuple[np.ndarray, int]:
            start = (step * hosts.count() + hosts.index()) * batch
            known = max(0, min(batch, count - start))
            # Where nothing is left for this process, the last picture fills its part.
            indices = range(start, start + known) or range(count - 1, count)
            return fill(np.stack([self.prepare(read(i)) for i in indices]), batch), known

        for rows, known in prefetch(make, 0, -(-count // (batch * hosts.count()))):
            yield hosts.gather(np.asarray(self.network(params, place(rows)))[:known])


def lite0_extractor(size: int = 224, *, one_shape: bool = False) -> Extractor:
    """EfficientNet-Lite0, which ships with the package; see `ganc.features.lite0`.

    Args:
        size: px to which pictures are resized.
        one_shape: all pictures have one shape, so that the network resizes them in its own
            program, the one that searches run (`lite0.extract`); otherwise the host does it.

    Raises:
        UserError: the network cannot see pictures so small.
    """
    if size < 32:
        raise UserError(f"Lite0 shrinks pictures to a 32nd; it needs 32 px or more, got {size}")
    name, params, network = f"lite0@{size}", lite0.load(), partial(lite0.features, size=size)
    if one_shape:
        return Extractor(name, "fd", params, as_floats, network, batch=lite0.BATCH, fixed=True)
    return Extractor(name, "fd", params, partial(_resize, size=size), network)


def _resize(picture: np.ndarray, size: int) -> np.ndarray:
    # What lite0.features does to pictures of other sizes, but on the host: one compilation.
    floats = as_floats(picture)
    if picture.shape[:2] == (size, size):
        return floats
    return resizing.resize_by_pillow(floats, size, Image.Resampling.BILINEAR)


def inception_extractor(path: Path, resize: Resize = "bilinear") -> Extractor:
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

    name = f"inception{unpublished_suffix(path, INCEPTION)}@{resizing.SIZE}-{resize}"
    return Extractor(name, "fid", params, prepare, jax.jit(inception.pool3))


def unpublished_suffix(path: Path, published: str) -> str:
    """What a protocol adds to the name of a network with other weights than the published.

    Args:
        path: of the weights.
        published: the first digits of the SHA-256 of the published file.

    Returns: nothing, or `:` and the first eight digits of the file's own.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found.startswith(published) else f":{found[:8]}"
