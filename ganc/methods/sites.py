"""Where a generator can be slimmed: the scales of its norms, found by the groups of their axes.

Nothing here knows a family. A scale is a parameter called `scale` whose one axis is one channel
group; a group is slimmed where every convolution that makes it is followed by such a norm. In a
network of one's own scales are found by what is computed with them (`ganc.discovery.scales`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict

from ganc import channels
from ganc.discovery.fingerprint import Own
from ganc.discovery.generator import discovery_of
from ganc.discovery.scales import scaled_groups
from ganc.errors import UserError
from ganc.models.kernels import Kernel, kernels_of
from ganc.types import Generator, Group, Params


@dataclass(frozen=True)
class Site:
    """A channel group and the scales of its norms.

    Attributes:
        group: the channel group.
        scales: paths of its scales: one, or several where the group is a residual trunk. A channel
            is dead where all are zero.
        least: channels that must stay: 1, or 0 in a residual block, which is then the identity.
        biases: paths of the shifts behind those scales.
        times: places that a channel takes on the axis of a scale, as many channels apart as there
            are: more than one where a group norm's groups lose the same.
    """

    group: str
    scales: tuple[str, ...]
    least: int = 1
    biases: tuple[str, ...] = ()
    times: int = 1


def find_sites(generator: Generator, *, trunk: bool = False) -> tuple[Site, ...]:
    """The sites of `generator`, in the order in which it makes their groups.

    Args:
        generator: whatever its family.
        trunk: whether groups that several convolutions add to, such as a residual trunk, are sites
            too; the publication leaves them whole.

    Raises:
        UserError: there is none; or `trunk`, and no trunk has a scale after every convolution.

    Reference: Wang et al. 2020 (arXiv 2008.11062): of a CycleGAN 13, none of them in the trunk.
    """
    if isinstance(generator.spec, Own):
        found = scaled_groups(discovery_of(generator), generator.statistics)
        chosen = [each for each in found if trunk or each.makers == 1]
        _check(chosen, trunk and all(each.makers == 1 for each in found))
        axes = flatten_dict(generator.axes, sep="/")
        return tuple(
            Site(s.group, s.scales, biases=s.shifts, times=_times(axes[s.scales[0]]))
            for s in chosen
        )
    kernels = [kernel for kernel in kernels_of(generator) if not kernel.depthwise]
    makers = Counter(name for kernel in kernels for name in channels.names(kernel.target))
    scales: dict[str, list[str]] = {group: [] for group in makers}
    axes: dict[str, Any] = flatten_dict(generator.axes, sep="/")
    for path, groups in axes.items():
        if path.rpartition("/")[2] == "scale" and path not in generator.statistics:
            if len(groups) == 1 and isinstance(groups[0], str):
                scales.setdefault(groups[0], []).append(path)
    single = [group for group in makers if makers[group] == 1 and scales[group]]
    several = [group for group in makers if 1 < makers[group] <= len(scales[group])]
    chosen = [g for g in makers if g in single or (trunk and g in several)]
    _check(chosen, trunk and not several)
    return tuple(
        Site(
            group,
            tuple(scales[group]),
            int(not _bypassed(group, kernels)),
            tuple(f"{path.removesuffix('scale')}bias" for path in scales[group]),
        )
        for group in chosen
    )


def _check(chosen: Sequence[Any], lacks_trunk: bool) -> None:
    if lacks_trunk:
        raise UserError("this generator has no residual trunk whose norms all have scales")
    if not chosen:
        raise UserError("this generator has no norm with scales, so there is nothing to slim")


def _times(groups: tuple[Group, ...]) -> int:
    return max(len(channels.names(group)) for group in groups)


def dead_channels(params: Params, sites: tuple[Site, ...]) -> dict[str, np.ndarray]:
    """Group -> whether each of its channels is dead: all of its scales exactly zero."""
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    return {
        site.group: np.all(
            [(np.reshape(flat[path], (site.times, -1)) == 0).all(0) for path in site.scales], axis=0
        )
        for site in sites
    }


def _bypassed(group: str, kernels: list[Kernel]) -> bool:
    """Whether what is made of `group` is added to what it was made of."""
    sources = {k.source for k in kernels if group in channels.names(k.target)}
    targets = {k.target for k in kernels if group in channels.names(k.source)}
    return sources == targets and len(sources) == 1
