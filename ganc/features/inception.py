"""The Inception-v3 of FID, out of a weight file that the user names.

The network is the one TensorFlow released on 2015-12-05. It is not torchvision's: its average pools
leave the padding out, its last block pools by the maximum, it has 1008 classes, and its weights are
others. FID is only FID with these weights, and with a stated way of resizing.

Reference: Szegedy et al. 2016 (arXiv 1512.00567); Heusel et al. 2017 (arXiv 1706.08500).
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from ganc.batching import fill
from ganc.features import resizing, weights
from ganc.features.layers import convolve, max_pool
from ganc.features.resizing import Resize
from ganc.nn.conv import average_pool
from ganc.types import AnyArray, Params

_EPSILON = 1e-3
_CLASSES = 1008  # the head is not used, but it tells this network from torchvision's
_NEED = (
    "FID needs pt_inception-2015-12-05-6726825d.pth of the project mseitzer/pytorch-fid, or "
    "weights-inception-2015-12-05-6726825d.pth of toshas/torch-fidelity; "
    "without such a file, distances on Lite0 features are the default"
)


class _Kernel(NamedTuple):
    """A convolution with a ReLU; `same` pads half a kernel."""

    name: str
    channels: int
    height: int = 1
    width: int = 1
    stride: int = 1
    same: bool = True


_Branch = tuple[_Kernel | str, ...]
_POOLS = {
    "average": partial(average_pool, stride=1),
    "max": lambda x: max_pool(x, 3, 1, pad=1),
    "shrink": lambda x: max_pool(x, 3, 2),
}


def _chain(name: str, *steps: tuple[int, int, int]) -> tuple[_Kernel, ...]:
    # The file counts the convolutions of a branch from 1.
    return tuple(_Kernel(f"{name}_{i}", *step) for i, step in enumerate(steps, start=1))


def _shrink(name: str, channels: int) -> _Kernel:
    return _Kernel(name, channels, 3, 3, stride=2, same=False)


def _a(pooled: int) -> tuple[_Branch, ...]:
    return (
        (_Kernel("branch1x1", 64),),
        _chain("branch5x5", (48, 1, 1), (64, 5, 5)),
        _chain("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        ("average", _Kernel("branch_pool", pooled)),
    )


def _c(mid: int) -> tuple[_Branch, ...]:
    return (
        (_Kernel("branch1x1", 192),),
        _chain("branch7x7", (mid, 1, 1), (mid, 1, 7), (192, 7, 1)),
        _chain("branch7x7dbl", (mid, 1, 1), (mid, 7, 1), (mid, 1, 7), (mid, 7, 1), (192, 1, 7)),
        ("average", _Kernel("branch_pool", 192)),
    )


def _e(pool: str) -> tuple[_Branch, ...]:
    # Two branches fork at their ends. Each end is a branch of its own here; the compiler computes
    # what two branches have in common once.
    single = _chain("branch3x3", (384, 1, 1))
    double = _chain("branch3x3dbl", (448, 1, 1), (384, 3, 3))
    return (
        (_Kernel("branch1x1", 320),),
        (*single, _Kernel("branch3x3_2a", 384, 1, 3)),
        (*single, _Kernel("branch3x3_2b", 384, 3, 1)),
        (*double, _Kernel("branch3x3dbl_3a", 384, 1, 3)),
        (*double, _Kernel("branch3x3dbl_3b", 384, 3, 1)),
        (pool, _Kernel("branch_pool", 192)),
    )


_STEM: _Branch = (
    _Kernel("Conv2d_1a_3x3", 32, 3, 3, stride=2, same=False),
    _Kernel("Conv2d_2a_3x3", 32, 3, 3, same=False),
    _Kernel("Conv2d_2b_3x3", 64, 3, 3),
    "shrink",
    _Kernel("Conv2d_3b_1x1", 80),
    _Kernel("Conv2d_4a_3x3", 192, 3, 3, same=False),
    "shrink",
)

BLOCKS: dict[str, tuple[_Branch, ...]] = {
    "": (_STEM,),
    "Mixed_5b": _a(32),
    "Mixed_5c": _a(64),
    "Mixed_5d": _a(64),
    "Mixed_6a": (
        (_shrink("branch3x3", 384),),
        (*_chain("branch3x3dbl", (64, 1, 1), (96, 3, 3)), _shrink("branch3x3dbl_3", 96)),
        ("shrink",),
    ),
    "Mixed_6b": _c(128),
    "Mixed_6c": _c(160),
    "Mixed_6d": _c(160),
    "Mixed_6e": _c(192),
    "Mixed_7a": (
        (*_chain("branch3x3", (192, 1, 1)), _shrink("branch3x3_2", 320)),
        (
            *_chain("branch7x7x3", (192, 1, 1), (192, 1, 7), (192, 7, 1)),
            _shrink("branch7x7x3_4", 192),
        ),
        ("shrink",),
    ),
    "Mixed_7b": _e("average"),
    "Mixed_7c": _e("max"),
}
"""The blocks by their names in the file, "" for the stem; outputs of branches are concatenated."""


def _key(block: str, kernel: _Kernel) -> str:
    return f"{block}.{kernel.name}".lstrip(".")


def convs() -> Iterator[weights.Conv]:
    """The convolutions of the file, those that branches share more than once."""
    inputs = 3
    for block, branches in BLOCKS.items():
        outputs = 0
        for branch in branches:
            channels = inputs
            for step in branch:
                if isinstance(step, _Kernel):
                    key, size = _key(block, step), (step.height, step.width)
                    yield weights.Conv(
                        f"{key}.conv", channels, step.channels, size, norm=f"{key}.bn"
                    )
                    channels = step.channels
            outputs += channels
        inputs = outputs


def load(path: str | Path) -> Params:
    """Loads the weights of FID, each batch norm folded into the convolution before it.

    Args:
        path: `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid or the file of torch-fidelity
            with the same hash in its name: a state dict with torchvision's names.

    Returns: {"Mixed_5b.branch1x1.conv": {"kernel" (kh kw i o), "bias" (o)}, ...}, float32.

    Raises:
        UserError: there is no such file, or it holds another network, torchvision's for example.
    """
    table = list(convs())
    head = {"fc.weight": (_CLASSES, 2048)}
    return weights.convolutions(
        weights.read(path, weights.shapes(table) | head, _NEED), table, _EPSILON
    )


def apply_block(
    params: Params, block: str, x: Float[Array, "b h w c"]
) -> Float[Array, "b _h _w _c"]:
    """One of `BLOCKS`, on activations (b h w c)."""
    outputs = []
    for branch in BLOCKS[block]:
        y = x
        for step in branch:
            if isinstance(step, str):
                y = _POOLS[step](y)
            else:
                conv = params[f"{_key(block, step)}.conv"]
                y = jax.nn.relu(convolve(conv, y, stride=step.stride, same=step.same))
        outputs.append(y)
    return jnp.concatenate(outputs, axis=-1)


def pool3(params: Params, x: Float[Array, "b h w 3"]) -> Float[Array, "b 2048"]:
    """The mean over all positions of the last block, for pictures that are already resized.

    Args:
        params: of `load`.
        x: of `resizing.resize`.
    """
    # A distance must not depend on the device, and accelerators round products by default.
    with jax.default_matmul_precision("float32"):
        for block in BLOCKS:
            x = apply_block(params, block, x)
    return x.mean(axis=(1, 2))


def features(
    params: Params, images: Num[AnyArray, "b h w _c"], *, resize: Resize = "bilinear"
) -> Float[Array, "b 2048"]:
    """The features between which FID is taken.

    Args:
        params: of `load`.
        images: RGB (b h w 3) of any height and width, uint8, or floats in [-1, 1], which are
            rounded to levels as when a picture is saved.
        resize: see `resizing.resize`; it is part of the protocol.

    Returns: (b 2048), at least 0.

    Differs from the reference: pictures in [-1, 1] are rounded to levels, where GAN Compression
    truncates.
    """
    return pool3(params, resizing.resize(images, resize))


# Behind the resizing, so that one program serves pictures of every size.
_compiled = jax.jit(pool3)


def extract(
    params: Params,
    images: Num[np.ndarray, "n h w 3"] | Sequence[Num[np.ndarray, "_h _w 3"]],
    *,
    resize: Resize = "bilinear",
    batch: int = 8,
) -> Float[np.ndarray, "n 2048"]:
    """`features` of any number of pictures, `batch` at a time with one compiled program.

    Args:
        params: of `load`.
        images: RGB (n h w 3), or pictures (h w 3) of any sizes, as in `features`.
        resize: see `features`.
        batch: pictures at a time; the last batch is filled up, and what is too much cut off again.

    Returns: (n 2048) float32, in the order of `images`.
    """
    rows = [np.zeros((0, 2048), np.float32)]
    for start in range(0, len(images), batch):
        part = [np.asarray(images[i])[None] for i in range(start, min(start + batch, len(images)))]
        x = np.concatenate([resizing.resize(picture, resize) for picture in part])
        rows.append(np.asarray(_compiled(params, fill(x, batch)))[: len(part)])
    return np.concatenate(rows)
