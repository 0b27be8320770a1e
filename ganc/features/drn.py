"""DRN-D-105, trained on Cityscapes: which of 19 classes every pixel of a street scene shows.

Reference: Yu, Koltun and Funkhouser 2017 (arXiv 1705.09914), the variant D of 105 layers. The
layout follows the project fyu/drn (BSD-3-Clause).
"""

from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from ganc.errors import UserError
from ganc.features import weights
from ganc.features.layers import convolve, levels
from ganc.types import AnyArray, Params

CLASSES = 19
MEAN = (0.29010095, 0.32808145, 0.28696394)  # of Cityscapes' training pictures, in [0, 1]
STD = (0.18295405, 0.18656561, 0.18447508)
_NEED = "the mIoU of Cityscapes needs drn-d-105_ms_cityscapes.pth of the project fyu/drn"

_STRIDE = 8

# Channels, bottleneck blocks (0: a single convolution), kernel, stride of the first, dilation. Four
# times the channels come out of a block.
_STAGES = (
    (16, 0, 7, 1, 1),
    (16, 0, 3, 1, 1),
    (32, 0, 3, 2, 1),
    (64, 3, 3, 2, 1),
    (128, 4, 3, 2, 1),
    (256, 23, 3, 1, 2),
    (512, 3, 3, 1, 4),
    (512, 0, 3, 1, 2),
    (512, 0, 3, 1, 1),
)


def _bottleneck(name: str, inputs: int, channels: int, skip: bool) -> Iterator[weights.Conv]:
    widths = (inputs, channels, channels, 4 * channels)
    for i, size in enumerate((1, 3, 1), start=1):
        yield weights.Conv(
            f"{name}.conv{i}", widths[i - 1], widths[i], (size, size), f"{name}.bn{i}"
        )
    if skip:
        convolution, norm = f"{name}.downsample.0", f"{name}.downsample.1"
        yield weights.Conv(convolution, inputs, 4 * channels, (1, 1), norm)


def convs() -> Iterator[weights.Conv]:
    """The convolutions of the file, in the order of the network."""
    inputs = 3
    for stage, (channels, blocks, size, _, _) in enumerate(_STAGES):
        for i in range(blocks):
            yield from _bottleneck(f"base.{stage}.{i}", inputs, channels, skip=i == 0)
            inputs = 4 * channels
        if not blocks:
            name, norm = f"base.{stage}.0", f"base.{stage}.1"
            yield weights.Conv(name, inputs, channels, (size, size), norm)
            inputs = channels
    yield weights.Conv("seg", inputs, CLASSES, (1, 1))


def _tent() -> np.ndarray:
    # How far each of the 16 pixels of the upsampling filter is from its middle, as a weight.
    return 1 - np.abs(np.arange(2 * _STRIDE) - (_STRIDE - 0.5)) / _STRIDE


def shapes() -> weights.Shapes:
    """Every tensor of the file -> its shape."""
    return weights.shapes(convs()) | {"up.weight": (CLASSES, 1, 2 * _STRIDE, 2 * _STRIDE)}


def load(path: str | Path) -> Params:
    """Loads the weights, each batch norm folded into the convolution before it.

    Args:
        path: `drn-d-105_ms_cityscapes.pth`, a state dict of DRNSeg, with or without `module.`
            before its names.

    Returns: {"base.0.0": {"kernel" (kh kw i o), "bias" (o)}, ..., "seg": ...}, float32.

    Raises:
        UserError: there is no such file, or it holds another network.
    """
    tensors = weights.read(path, shapes(), _NEED)
    if not np.allclose(tensors["up.weight"], np.outer(_tent(), _tent()), atol=1e-6):
        raise UserError(f"in {path}, up.weight is not the fixed bilinear filter: {_NEED}")
    return weights.convolutions(tensors, convs())


def _residual(params: Params, name: str, x: jax.Array, stride: int, dilation: int) -> jax.Array:
    y = jax.nn.relu(convolve(params[f"{name}.conv1"], x))
    y = convolve(params[f"{name}.conv2"], y, stride=stride, dilation=dilation)
    y = convolve(params[f"{name}.conv3"], jax.nn.relu(y))
    skip = params.get(f"{name}.downsample.0")
    return jax.nn.relu(y + (x if skip is None else convolve(skip, x, stride=stride)))


def _stage(params: Params, stage: int, x: jax.Array) -> jax.Array:
    _, blocks, _, stride, dilation = _STAGES[stage]
    for i in range(blocks):
        x = _residual(params, f"base.{stage}.{i}", x, stride if i == 0 else 1, dilation)
    if not blocks:
        x = jax.nn.relu(convolve(params[f"base.{stage}.0"], x, stride=stride, dilation=dilation))
    return x


def _upsampling(small: int) -> np.ndarray:
    # The transposed convolution along one axis, as a matrix: pixel i adds the filter from 8 i - 4
    # on. What reaches over the edge is cut, so the outermost pixels fade.
    matrix = np.zeros((_STRIDE * (small + 1), small), np.float32)
    for i in range(small):
        matrix[_STRIDE * i : _STRIDE * (i + 2), i] = _tent()
    return matrix[_STRIDE // 2 : -_STRIDE // 2]


def logits(params: Params, images: Num[AnyArray, "b h w 3"]) -> Float[Array, "b h w 19"]:
    """The logarithm of each class's probability, at every pixel.

    Args:
        params: of `load`.
        images: RGB (b h w 3) of any height and width, uint8, or floats in [-1, 1], which are
            rounded to levels as when a picture is saved. The papers put generated pictures in at
            the size they are generated at.

    Returns:
        (b h w 19), train ids along the last axis. The network works on an eighth of the size,
        rounded up; where a size is no multiple of 8, what is beyond the picture is cut off.
    """
    x = (levels(jnp.asarray(images)) / 255 - jnp.asarray(MEAN)) / jnp.asarray(STD)
    with jax.default_matmul_precision("float32"):
        for stage in range(len(_STAGES)):
            x = _stage(params, stage, x)
        x = convolve(params["seg"], x)
        rows, columns = (_upsampling(pixels) for pixels in x.shape[1:3])
        x = jnp.einsum("yh,bhwc,xw->byxc", rows, x, columns)
    return jax.nn.log_softmax(x[:, : images.shape[1], : images.shape[2]])
