"""The names of the GauGAN family in gan-compression.

Inferred from descriptions of the network, without a look at its code: Park et al. 2019 (arXiv
1903.07291), and the order of parameters in the forward fixtures of `tests/models/test_spade.py`.

Differs from the reference: its sliced generators keep running statistics of the full width, of
which only the first are used; `narrow` leaves those.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganc.export.layouts import Layer
from ganc.export.layouts import names as all_names
from ganc.models.spade import BLOCKS, HIDDEN, TRUNK, Spec

_NORM, _COUNTER = "param_free_norm", "num_batches_tracked"
_COCO = 184


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order."""
    blocks = (layer for name in BLOCKS for layer in _block(name, spec))
    return [Layer("fc", "fc"), *blocks, Layer("conv_img", "conv_img")]


def _theirs(block: str) -> str:
    return block.replace("middle", "G_middle")


def _suffixes(block: str) -> tuple[str, ...]:
    return ("0", "1", "s") if block.startswith("up") else ("0", "1")


def _block(block: str, spec: Spec) -> list[Layer]:
    kind = "spectral" if spec.spectral else "conv"
    theirs, suffixes = _theirs(block), _suffixes(block)
    convs = [Layer(f"{block}/conv_{s}", f"{theirs}.conv_{s}", kind) for s in suffixes]
    norms = [_norm(f"{block}/norm_{s}", f"{theirs}.norm_{s}", spec.separable) for s in suffixes]
    return [*convs, *(layer for norm in norms for layer in norm)]


def _norm(ours: str, theirs: str, separable: bool) -> list[Layer]:
    result = [
        Layer(f"{ours}/normal", f"{theirs}.{_NORM}", "norm"),
        Layer(f"{ours}/shared", f"{theirs}.mlp_shared.0"),
    ]
    for name in ("gamma", "beta"):
        if separable:
            result.append(Layer(f"{ours}/{name}_depthwise", f"{theirs}.mlp_{name}.conv.0"))
            result.append(Layer(f"{ours}/{name}_pointwise", f"{theirs}.mlp_{name}.conv.2"))
        else:
            result.append(Layer(f"{ours}/{name}", f"{theirs}.mlp_{name}"))
    return result


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The smallest member of the family that contains a state dict, and its layers.

    Nothing in a state dict tells how often the resolution is doubled: `upsampling` is "normal" for
    the 184 channels of COCO-Stuff and "more" for all others, as in the published models.

    Args:
        shapes: name in the state dict -> shape.

    Returns: None if it is of no member of this family.
    """
    labels = _size(shapes, "fc.weight", 1)
    ngf = max((-(-size // times) for size, times in _widths(shapes)), default=0)
    if not (labels and ngf):
        return None
    spec = Spec(
        ngf=ngf,
        labels=labels,
        separable="head_0.norm_0.mlp_gamma.conv.0.weight" in shapes,
        upsampling="normal" if labels == _COCO else "more",
        spectral="head_0.conv_0.weight_orig" in shapes,
    )
    found = layers(spec)
    # A shortcut has no bias and a norm neither scale nor shift, so not all names occur.
    optional = (f"{_NORM}.weight", f"{_NORM}.bias", "conv_s.bias")
    known = {name for name in all_names(found).values() if not name.endswith(optional)}
    names = {name for name in shapes if not name.endswith(f"{_NORM}.{_COUNTER}")}
    return (spec, found) if names == known else None


def _widths(shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[int, int]]:
    # Statistics count too: those of a sliced generator have the full width.
    result = [(_size(shapes, "fc.weight", 0), TRUNK)]
    for block, times in BLOCKS.items():
        theirs = _theirs(block)
        weight = "weight_orig" if f"{theirs}.conv_0.weight_orig" in shapes else "weight"
        result.append((_size(shapes, f"{theirs}.conv_0.{weight}", 0), times))
        result.append((_size(shapes, f"{theirs}.norm_1.{_NORM}.running_mean", 0), times))
        result.append((_size(shapes, f"{theirs}.norm_0.mlp_shared.0.weight", 0), HIDDEN))
    return result


def _size(shapes: Mapping[str, tuple[int, ...]], name: str, axis: int) -> int:
    shape = shapes.get(name, ())
    return shape[axis] if len(shape) > axis else 0


def narrow(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict whose running statistics have as many channels as the norms they belong to."""
    result = dict(arrays)
    for name, array in arrays.items():
        norm, found, _ = name.partition(f".{_NORM}.running")
        if found:
            gamma = (f"{norm}.mlp_gamma.{end}" for end in ("bias", "conv.2.bias"))
            width = next((len(arrays[end]) for end in gamma if end in arrays), len(array))
            result[name] = np.asarray(array)[:width]
    return result
