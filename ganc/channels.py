"""Channel groups: the one place that knows which array axes move together.

A parameter tree comes with a tree of the same structure, `axes`, that names the channel group of
every array axis. From those names, and only from them, come slicing and masks. Channels
that must stay together (a residual trunk) share a group; an axis that concatenates groups carries a
tuple of names.
"""

from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.types import Axes, Channels, Group, Keep, Masks, Params, Widths


def _is_axes(node: object) -> bool:
    return isinstance(node, tuple)


def map_axes(function, axes: Axes, *trees):
    """`jax.tree.map` over a tree of axes and trees of arrays of the same structure."""
    return jax.tree.map(function, axes, *trees, is_leaf=_is_axes)


def names(group: Group) -> tuple[str, ...]:
    """The names of the groups on an axis, in their order; none where its channels are fixed."""
    if group is None:
        return ()
    return (group,) if isinstance(group, str) else group


def count(group: Group, widths: Mapping[str, Any]) -> Any:
    """The number of channels of a group, or of several that are concatenated; 0 for None."""
    return sum(widths[name] for name in names(group))


def mask_of(group: Channels, masks: Masks) -> jax.Array:
    """The 0/1 vector of a group, or of several that are concatenated."""
    if isinstance(group, str):  # concatenating one array is an operation too
        return masks[group]
    return jnp.concatenate([masks[name] for name in group])


def read_widths(params: Params, axes: Axes) -> Widths:
    """The width of every channel group, read off the shapes of `params`.

    Raises:
        ValueError: if two arrays disagree about the width of a group.
    """
    found: dict[str, int] = {}
    joined: list[tuple[tuple[str, ...], int]] = []

    def visit(path, groups, array) -> None:
        for group, size in zip(groups, np.shape(array), strict=True):
            if isinstance(group, tuple):
                joined.append((group, size))
            elif isinstance(group, str) and found.setdefault(group, size) != size:
                where = jax.tree_util.keystr(path)
                raise ValueError(
                    f"channel group {group!r} is {found[group]} wide elsewhere, {size} at {where}"
                )

    jax.tree_util.tree_map_with_path(visit, axes, params, is_leaf=_is_axes)
    complete(found, joined)
    return FrozenDict(sorted(found.items()))


def complete(found: dict[str, int], joined: Collection[tuple[tuple[str, ...], int]]) -> None:
    """Adds to the widths `found` those of groups that stand on no axis alone.

    Args:
        found: channel group -> width.
        joined: groups that are concatenated, the same one maybe several times, and their length.
    """
    for group, size in joined:
        unknown = set(group) - found.keys()
        if len(unknown) == 1:
            (name,) = unknown
            rest = sum(found[other] for other in group if other != name)
            found[name] = (size - rest) // group.count(name)


def prefix(widths: Mapping[str, int]) -> Keep:
    """Keeps the first channels of every group, as once-for-all supernets do."""
    return {group: np.arange(width) for group, width in widths.items()}


def masks(keep: Keep, widths: Mapping[str, int]) -> Masks:
    """0/1 vectors over the full `widths` with ones at the kept channels."""
    result = {}
    for group, width in widths.items():
        mask = np.zeros(width, np.float32)
        mask[keep[group]] = 1
        result[group] = jnp.asarray(mask)
    return result


def slice_params(tree: Params, axes: Axes, keep: Keep) -> Params:
    """The smaller arrays that remain when only the channels in `keep` stay.

    `tree` is anything with the structure of `axes`: parameters, gradients, moments of an optimiser.
    Groups that `keep` does not name stay whole.
    """
    full = read_widths(tree, axes)

    def take(groups, array):
        for axis, group in enumerate(groups):
            if not any(name in keep for name in names(group)):
                continue
            index = places(group, keep, full)
            if np.array_equal(index, np.arange(len(index))):  # a prefix: slice, don't gather
                array = array[(slice(None),) * axis + (slice(0, len(index)),)]
            else:
                array = array.take(index, axis=axis)
        return array

    return map_axes(take, axes, tree)


def places(group: Group, keep: Keep, full: Mapping[str, int]) -> np.ndarray:
    """The places on an axis of `group` of the channels that stay, in the order of `keep`.

    Groups that `keep` does not name stay whole; `full` has their widths.
    """
    kept, offset = [], 0
    for name in names(group):
        kept.append(offset + np.asarray(keep.get(name, np.arange(full[name]))))
        offset += full[name]
    return np.concatenate(kept)


def put_back(tree: Params, axes: Axes, keep: Keep, part: Params) -> Params:
    """The arrays of `part` at full size: those of `tree` with `part` in the places it came from.

    Args:
        tree: whole arrays, with the structure of `axes`.
        axes: the channel groups of every array.
        keep: what `part` was sliced to, as by `slice_params`.
        part: some of the arrays of `tree`, sliced.
    """
    full = read_widths(tree, axes)
    whole: Any = flatten_dict(tree, sep="/")
    groups: Any = flatten_dict(axes, sep="/")
    result = {}
    for path, values in flatten_dict(part, sep="/").items():
        array = jnp.asarray(whole[path])
        where = [
            np.arange(size) if group is None else places(group, keep, full)
            for group, size in zip(groups[path], array.shape, strict=True)
        ]
        result[path] = array.at[np.ix_(*where)].set(values)
    return unflatten_dict(result, sep="/")
