"""The convolutions of VGG-16 and VGG-19, for perceptual losses, out of a file that the user names.

Reference: Simonyan and Zisserman 2015 (arXiv 1409.1556), table 1, columns D and E.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganc.features import weights
from ganc.features.layers import check_rgb, convolve, max_pool
from ganc.types import AnyArray, Params

Layers = Literal[16, 19]
Scaling = Literal["none", "unit", "imagenet"]

_CHANNELS = (64, 128, 256, 512, 512)
_REPEATS: dict[Layers, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_FILES: dict[Layers, str] = {16: "vgg16-397923af.pth", 19: "vgg19-dcbb9e9d.pth"}

# The network sees (x - shift) / scale of pictures in [-1, 1]. The last row is the mean and standard
# deviation of ImageNet, (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225) of pictures in [0, 1].
_SCALINGS: dict[Scaling, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none": ((0, 0, 0), (1, 1, 1)),
    "unit": ((-1, -1, -1), (2, 2, 2)),
    "imagenet": ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)),
}


def blocks(layers: Layers) -> list[list[weights.Conv]]:
    """The convolutions of the file, in blocks between which the picture is halved."""
    index, inputs, found = 0, 3, []
    for channels, repeats in zip(_CHANNELS, _REPEATS[layers], strict=True):
        found.append([])
        for _ in range(repeats):
            found[-1].append(weights.Conv(f"features.{index}", inputs, channels, (3, 3)))
            index, inputs = index + 2, channels  # every ReLU is a module of its own
        index += 1  # and so is the pool
    return found


def load(path: str | Path, layers: Layers = 16) -> Params:
    """Loads the convolutions; the classifier is left out.

    Args:
        path: `vgg16-397923af.pth` or `vgg19-dcbb9e9d.pth` of torchvision, or a state dict with the
            same names (`features.0.weight`, ...).
        layers: 16 or 19.

    Returns: one list per block of {"kernel" (3 3 i o), "bias" (o)}, float32.

    Raises:
        UserError: there is no such file, or it holds another network.
    """
    table = blocks(layers)
    flat = [conv for block in table for conv in block]
    need = f"the perceptual losses need {_FILES[layers]} of the project pytorch/vision"
    convs = weights.convolutions(weights.read(path, weights.shapes(flat), need), flat)
    return [[convs[conv.name] for conv in block] for block in table]


def _activations(params: Params, x: jax.Array) -> Iterator[tuple[str, jax.Array]]:
    for i, block in enumerate(params, start=1):
        x = max_pool(x, 2, 2) if i > 1 else x
        for j, conv in enumerate(block, start=1):
            x = jax.nn.relu(convolve(conv, x))
            yield f"relu{i}_{j}", x


def taps(
    params: Params, images: Float[AnyArray, "b h w _c"], names: Iterable[str], *, scaling: Scaling
) -> dict[str, Float[Array, "b _h _w _c"]]:
    """The activations `names`, of a network that sees `images` under `scaling`.

    Args:
        params: of `load`.
        images: RGB (b h w 3) in [-1, 1], at least 16 pixels high and wide for the last block.
        names: "relu1_1" to "relu5_3" (VGG-16) or "relu5_4" (VGG-19); the second number counts
            within a block. What lies behind the last of them is not computed.
        scaling: part of what a loss is, for the papers do not agree.
            - "unit": (x + 1) / 2, and no mean or deviation: OMGD, GAN Slimming.
            - "none": x as it is: GauGAN.
            - "imagenet": what the network was trained with: LPIPS.

    Returns: name -> (b h' w' c), after the ReLU, in the order of the network.
    """
    check_rgb(images)
    wanted = set(names)
    unknown = wanted - {f"relu{i}_{j + 1}" for i, b in enumerate(params, 1) for j in range(len(b))}
    if unknown:
        raise ValueError(f"this network has no activations {sorted(unknown)}")
    shift, scale = (np.asarray(row, np.float32) for row in _SCALINGS[scaling])
    found: dict[str, jax.Array] = {}
    with jax.default_matmul_precision("float32"):
        for name, x in _activations(params, jnp.asarray((images - shift) / scale)):
            if name in wanted:
                found[name] = x
            if len(found) == len(wanted):
                break
    return found
