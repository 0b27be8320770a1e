"""Arrays of this library in PyTorch's layouts, and back.

Here kernels are HWIO and transposed ones flipped; PyTorch has OIHW, and IOHW unflipped.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

Kind = Literal[
    "conv",
    "transposed",
    "linear",
    "norm",
    "affine",
    "spectral",
    "scale",
    "gamma",
    "from_bgr",
    "to_bgr",
    "prelu",
    "shuffled",
]
"""What a layer is, and so which arrays it has. `spectral` is a convolution whose kernel PyTorch
divides by its largest singular value; `scale` is a norm whose arrays are called scale and shift,
`gamma` one where they are gamma and beta; `from_bgr` and `to_bgr` are the first and the last
convolution of a network that has blue first; `prelu` is a slope; `affine` a norm of which
nothing is measured that counts; `shuffled` is a convolution whose
outputs become four pixels each, which PyTorch has side by side and we one behind the other."""


class Layer(NamedTuple):
    """One layer under its two names.

    Attributes:
        ours: path in the parameters, such as "block0/conv1".
        theirs: prefix in a PyTorch state dict, such as "model.10.conv_block.1".
        kind: which arrays it has.
    """

    ours: str
    theirs: str
    kind: Kind = "conv"


class _Leaf(NamedTuple):
    ours: str
    theirs: str
    to_torch: Callable[[np.ndarray], np.ndarray]
    from_torch: Callable[[np.ndarray], np.ndarray]


def _same(array: np.ndarray) -> np.ndarray:
    return array


_BIAS = _Leaf("bias", "bias", _same, _same)
_CONV = (lambda a: a.transpose(3, 2, 0, 1), lambda a: a.transpose(2, 3, 1, 0))


def _side_by_side(array: np.ndarray) -> np.ndarray:
    """(... 4c), the four of a pixel one behind the other, as PyTorch's shuffle takes them."""
    return array.reshape(*array.shape[:-1], 4, -1).swapaxes(-1, -2).reshape(array.shape)


def _one_behind_the_other(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:-1], -1, 4).swapaxes(-1, -2).reshape(array.shape)


_LEAVES: dict[Kind, tuple[_Leaf, ...]] = {
    "conv": (_Leaf("kernel", "weight", *_CONV), _BIAS),
    "transposed": (
        _Leaf(
            "kernel",
            "weight",
            lambda a: a[::-1, ::-1].transpose(2, 3, 0, 1),
            lambda a: a.transpose(2, 3, 0, 1)[::-1, ::-1],
        ),
        _BIAS,
    ),
    "linear": (_Leaf("kernel", "weight", np.transpose, np.transpose), _BIAS),
    "norm": (
        _Leaf("scale", "weight", _same, _same),
        _BIAS,
        _Leaf("mean", "running_mean", _same, _same),
        _Leaf("var", "running_var", _same, _same),
    ),
    "affine": (_Leaf("scale", "weight", _same, _same), _BIAS),
    "gamma": (_Leaf("scale", "gamma", _same, _same), _Leaf("bias", "beta", _same, _same)),
    "spectral": (
        _BIAS,
        _Leaf("kernel", "weight_orig", *_CONV),
        _Leaf("u", "weight_u", _same, _same),
        _Leaf("v", "weight_v", _same, _same),
    ),
    "prelu": (_Leaf("slope", "weight", _same, _same),),
    "shuffled": (
        _Leaf(
            "kernel",
            "weight",
            lambda a: _CONV[0](_side_by_side(a)),
            lambda a: _one_behind_the_other(_CONV[1](a)),
        ),
        _Leaf("bias", "bias", _side_by_side, _one_behind_the_other),
    ),
    "scale": (_Leaf("scale", "scale", _same, _same), _Leaf("bias", "shift", _same, _same)),
    "from_bgr": (
        _Leaf(
            "kernel",
            "weight",
            lambda a: a[:, :, ::-1].transpose(3, 2, 0, 1),
            lambda a: a.transpose(2, 3, 1, 0)[:, :, ::-1],
        ),
        _BIAS,
    ),
    "to_bgr": (
        _Leaf(
            "kernel",
            "weight",
            lambda a: a[..., ::-1].transpose(3, 2, 0, 1),
            lambda a: a.transpose(2, 3, 1, 0)[..., ::-1],
        ),
        _Leaf("bias", "bias", lambda a: a[::-1], lambda a: a[::-1]),
    ),
}


def _leaves(layers: Sequence[Layer]):
    for layer in layers:
        for leaf in _LEAVES[layer.kind]:
            yield f"{layer.ours}/{leaf.ours}", f"{layer.theirs}.{leaf.theirs}", leaf


def to_torch(flat: Mapping[str, np.ndarray], layers: Sequence[Layer]) -> dict[str, np.ndarray]:
    """Parameters under PyTorch's names and in its layouts, in its order; the arrays are views.

    Args:
        flat: parameters by their paths.
        layers: all layers of the network, in the order in which PyTorch registers them.
    """
    return {
        theirs: leaf.to_torch(np.asarray(flat[ours]))
        for ours, theirs, leaf in _leaves(layers)
        if ours in flat
    }


def from_torch(arrays: Mapping[str, np.ndarray], layers: Sequence[Layer]) -> dict[str, np.ndarray]:
    """The inverse of `to_torch`: parameters by their paths; arrays of no layer are left out."""
    return {
        ours: leaf.from_torch(arrays[theirs])
        for ours, theirs, leaf in _leaves(layers)
        if theirs in arrays
    }
