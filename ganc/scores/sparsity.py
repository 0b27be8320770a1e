"""How sparse a model is, what of its work is left, and how large it is on disk."""

from typing import Any

import numpy as np

from ganc import channels
from ganc.metrics import cost
from ganc.models.flat import flatten
from ganc.models.sparse import pack
from ganc.pruning.units import Granularity, prunable
from ganc.types import Model

GAINS: dict[Granularity, str] = {
    "element": "smaller files on every device; faster on none, unless a library for unstructured "
    "sparse weights runs them",
    "vector": "smaller files on every device; faster on none, unless a library for rows of zeros "
    "runs them",
    "kernel": "smaller files on every device; faster on none, unless a library for kernels of "
    "zeros runs them",
    "2:4": "smaller files on every device; faster only on NVIDIA GPUs from Ampere on, by a library "
    "that uses their sparse tensor cores, which XLA does not do by itself",
    "filter": "smaller and faster on every device: the channels are cut out, the rest is dense",
}
"""Granularity -> which device gains what from it."""


def sparsity(model: Model, shape: tuple[int, ...]) -> dict[str, Any]:
    """What is left of `model`.

    Args:
        model: whose zeros are counted.
        shape: (h, w) or (h, w, c) of one picture, px.

    Returns: "zeros", the share of the weights of convolutions that are 0, and by "layers"; "macs",
        true multiply-adds for one picture, and "effective_macs", those with weights that are not 0;
        "bytes" of all parameters as float32, and "sparse_bytes" as `models.sparse` packs them.
    """
    generator, params, _ = model
    flat = flatten(params)
    layers = {path: float(np.mean(flat[path] == 0)) for path in prunable(generator, "element")}
    sizes = {path: flat[path].size for path in layers}
    widths = channels.read_widths(params, generator.axes)
    height, width = shape[:2]
    work = cost.macs_by_layer(generator, height, width, "true")
    macs = {path: int(count(widths)) for path, count in work.items()}
    zeros = {path.removesuffix("/kernel"): share for path, share in layers.items()}
    left = {
        path: n * (1 - zeros.get(path.removesuffix("/kernel"), 0.0)) for path, n in macs.items()
    }
    return {
        "zeros": sum(layers[path] * size for path, size in sizes.items()) / sum(sizes.values()),
        "layers": layers,
        "macs": sum(macs.values()),
        "effective_macs": round(sum(left.values())),
        "bytes": sum(array.nbytes for array in flat.values()),
        "sparse_bytes": sum(array.nbytes for array in pack(flat).values()),
    }
