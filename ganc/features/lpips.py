"""LPIPS 0.1 with VGG-16: a distance between two pictures, fitted to human judgements.

Reference: Zhang et al. 2018 (arXiv 1801.03924), equation 1.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganc.errors import UserError
from ganc.features import vgg, weights
from ganc.types import AnyArray, Params

_WIDTHS = {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512, "relu5_3": 512}
_NEED = "LPIPS needs lpips/weights/v0.1/vgg.pth of the project richzhang/PerceptualSimilarity"


def load(vgg16: str | Path, linear: str | Path) -> Params:
    """Loads the network and the weights of its channels.

    Args:
        vgg16: see `vgg.load`.
        linear: `lpips/weights/v0.1/vgg.pth` of PerceptualSimilarity: `lin0.model.1.weight`, ...

    Returns: {"vgg": of `vgg.load`, "linear": {"relu1_2" (64), ...}}.

    Raises:
        UserError: one of the files does not exist or holds something else.
    """
    names = {tap: f"lin{i}.model.1.weight" for i, tap in enumerate(_WIDTHS)}
    shapes = {names[tap]: (1, width, 1, 1) for tap, width in _WIDTHS.items()}
    tensors = weights.read(linear, shapes, _NEED)
    negative = [name for name, tensor in tensors.items() if tensor.min() < 0]
    if negative:
        raise UserError(f"in {linear}, {negative[0]} holds values below 0: {_NEED}")
    rows = {tap: jnp.asarray(tensors[name].ravel()) for tap, name in names.items()}
    return {"vgg": vgg.load(vgg16), "linear": rows}


def _directions(params: Params, images: AnyArray) -> dict[str, jax.Array]:
    # The length has no derivative where every channel is 0; the ReLU in front passes none there.
    activations = vgg.taps(params["vgg"], images, _WIDTHS, scaling="imagenet")
    return {
        tap: x / (jnp.sqrt(jnp.square(x).sum(-1, keepdims=True)) + 1e-10)
        for tap, x in activations.items()
    }


def distance(
    params: Params, x: Float[AnyArray, "b h w _c"], y: Float[AnyArray, "_b _h _w _c"]
) -> Float[Array, " b"]:
    """How different two pictures look, for each pair.

        sum_l mean_p sum_c w_lc (u_lpc - v_lpc)^2

    with layers l, positions p, channels c, and activations u and v of the two pictures, scaled at
    every position to length 1 over the channels.

    Args:
        params: of `load`.
        x: RGB (b h w 3) in [-1, 1], at least 16 pixels high and wide.
        y: the pictures to compare with, of the same shape.

    Returns: (b), at least 0.
    """
    if x.shape != y.shape:
        raise ValueError(f"expected two arrays of one shape, got {x.shape} and {y.shape}")
    first, second = _directions(params, x), _directions(params, y)
    terms = [
        (jnp.square(first[tap] - second[tap]) * row).sum(-1).mean((1, 2))
        for tap, row in params["linear"].items()
    ]
    return jnp.stack(terms).sum(0)
