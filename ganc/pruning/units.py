"""What is pruned as one: weights, rows, kernels, or two of four; and which of them go first."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from ganc.discovery.fingerprint import Own
from ganc.discovery.generator import discovery_of
from ganc.discovery.kernels import kernels_of
from ganc.errors import UserError
from ganc.types import Discriminator, Generator

Granularity = Literal["element", "vector", "kernel", "filter", "2:4"]
"""`element`: single weights. `vector`: the rows of a kernel, along its width. `kernel`: whole
two-dimensional kernels. `filter`: output channels, with all that belongs to them. `2:4`: two of
every four weights along the input channels, the pattern that sparse tensor cores take; layers whose
inputs are no multiple of four stay dense, and so do others until half of their weights are asked
for."""

Scope = Literal["layer", "global"]
"""`layer`: every layer as sparse as asked, as published. `global`: the weakest of all layers go."""

GONE = -1.0
"""The score of what is pruned already: less than any magnitude, so that masks are nested."""


class Units(NamedTuple):
    """How the weights of one array are pruned together.

    Attributes:
        scores: magnitudes (h w i o), `GONE` where pruned -> a score for each unit.
        drop: `(magnitudes, chosen units) -> ` the weights that stay, of the shape of the first.
        most: the share of the weights that goes when all units do.
    """

    scores: Callable[[np.ndarray], np.ndarray]
    drop: Callable[[np.ndarray, np.ndarray], np.ndarray]
    most: float = 1.0


def _means(*axes: int) -> Units:
    return Units(
        lambda w: w.mean(axis=axes, keepdims=True) if axes else w,
        lambda w, chosen: np.broadcast_to(~chosen, w.shape),
    )


def _fours(w: np.ndarray) -> np.ndarray:
    h, wide, i, o = w.shape
    return w.reshape(h, wide, i // 4, 4, o)


def _drop_two(w: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    fours = _fours(w)
    rank = fours.argsort(axis=3, kind="stable").argsort(axis=3, kind="stable")
    return ((rank >= 2) | ~chosen[:, :, :, None]).reshape(w.shape)


UNITS: Mapping[str, Units] = {
    "element": _means(),
    "vector": _means(1),
    "kernel": _means(0, 1),
    "2:4": Units(lambda w: np.sort(_fours(w), axis=3)[:, :, :, :2].mean(axis=3), _drop_two, 0.5),
}
"""Granularity -> what is pruned together; `filter` works on channel groups instead."""


def prunable(
    network: Generator | Discriminator, granularity: Granularity
) -> dict[str, tuple[int, ...]]:
    """The paths of the arrays that are pruned: the kernels of all convolutions, of both kinds.

    Biases, norms and matrices stay dense, as published.

    Returns: path -> the axes of the array, in the order h w i o.

    Raises:
        UserError: of a network of one's own, there is none.
    """
    shapes: Any = flatten_dict(jax.eval_shape(network.init, jax.random.key(0)), sep="/")
    return {
        path: order
        for path, order in sorted(_kernels(network, shapes).items())
        if granularity != "2:4" or shapes[path].shape[order[2]] % 4 == 0
    }


def _kernels(
    network: Generator | Discriminator, shapes: Mapping[str, Any]
) -> Mapping[str, tuple[int, ...]]:
    if isinstance(network, Generator) and isinstance(network.spec, Own):
        if not (found := kernels_of(discovery_of(network))):
            raise UserError("this network has no kernel of a convolution, so nothing to prune")
        return found
    ours = [path for path, leaf in shapes.items() if len(leaf.shape) == 4]
    return {path: (0, 1, 2, 3) for path in ours if path.endswith("/kernel")}


def lowest(
    scores: Mapping[str, np.ndarray], sizes: Mapping[str, int], share: float, *, spare: bool
) -> dict[str, np.ndarray]:
    """The units with the lowest scores that together hold at most `share` of all weights.

    Of equal scores the first goes first, so as many go as were asked for.

    Args:
        scores: layer -> a score for each of its units.
        sizes: layer -> weights in each of its units.
        share: of the weights, in [0, 1].
        spare: whether the best unit of every layer stays in any case.

    Returns: layer -> whether each unit goes.

    Differs from the reference (Distiller, as the publication uses it): there all weights go that
    equal the threshold, so that a layer of equal weights goes as a whole.
    """
    flat = np.concatenate([np.asarray(score, np.float64).ravel() for score in scores.values()])
    if spare:
        starts = np.cumsum([0, *(score.size for score in scores.values())])[:-1]
        for start, score in zip(starts, scores.values(), strict=True):
            flat[start + int(score.argmax())] = np.inf
    held = np.concatenate([np.full(s.size, sizes[name], np.int64) for name, s in scores.items()])
    order = np.argsort(flat, kind="stable")
    going = np.zeros(len(flat), bool)
    # The tolerance keeps 0.29 * 100 from being 28.
    going[order] = np.cumsum(held[order]) <= int(share * held.sum() + 1e-6)
    if spare:
        going &= np.isfinite(flat)
    ends = np.cumsum([score.size for score in scores.values()])[:-1]
    parts = np.split(going, ends)
    return {
        name: part.reshape(s.shape) for part, (name, s) in zip(parts, scores.items(), strict=True)
    }
