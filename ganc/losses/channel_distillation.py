"""Making the mean activation of a student's channels resemble that of a teacher's.

Reference: Ren et al. 2021 (arXiv 2108.06908), its channel distillation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from ganc import channels
from ganc.losses.distillation import Distil, pair_taps
from ganc.losses.reconstruction import l2_loss
from ganc.types import AnyArray, Axes, Generator, Params

_EPSILON = 1e-5


@dataclass(frozen=True)
class ChannelDistil:
    """How channels are distilled.

    Attributes:
        weight: of the sum over pairs of taps; 0: nothing is distilled and there are no adaptors.
        over_taps: the sum over the taps, as released, or their mean, as the paper's equation has
            it; the published weights are for the sum.
        match: which taps go together, as in `Distil`.
        plain: what both give beside their taps, as in `Distil`: numbers without places, such as
            MUNIT's `style`, which are compared as they are.
    """

    weight: float = 50.0
    over_taps: Literal["sum", "mean"] = "sum"
    match: Literal["name", "position"] | Mapping[str, str] = "name"
    plain: tuple[str, ...] = ()

    def pairs(self, student: Generator, teacher: Generator) -> dict[str, str]:
        """The tap of the teacher that goes with each of the student's; see `pair_taps`."""
        return pair_taps(Distil(self.weight, match=self.match), student, teacher)


def init_channel_adaptors(
    distil: ChannelDistil, key: jax.Array, student: Generator, teacher: Generator
) -> Params:
    """By the student's taps: a 1x1 convolution to the teacher's channels, and a norm.

    Returns: tap -> {"kernel" (i o) from N(0, 0.02), "scale" (o) from N(1, 0.02), "bias" (o) 0}.
    """
    pairs, params = distil.pairs(student, teacher), {}
    for index, (ours, theirs) in enumerate(pairs.items()):
        k_kernel, k_scale = jax.random.split(jax.random.fold_in(key, index))
        shape = (
            channels.count(student.taps[ours], student.widths),
            channels.count(teacher.taps[theirs], teacher.widths),
        )
        params[ours] = {
            "kernel": 0.02 * jax.random.normal(k_kernel, shape),
            "scale": 1 + 0.02 * jax.random.normal(k_scale, shape[1:]),
            "bias": jnp.zeros(shape[1:]),
        }
    return params


def channel_adaptor_axes(distil: ChannelDistil, student: Generator, teacher: Generator) -> Axes:
    """The channel groups of the arrays of `init_channel_adaptors`."""
    return {
        tap: {"kernel": (student.taps[tap], None), "scale": (None,), "bias": (None,)}
        for tap in distil.pairs(student, teacher)
    }


def channel_distillation_loss(
    distil: ChannelDistil,
    pairs: Mapping[str, str],
    adaptors: Params,
    student: Mapping[str, AnyArray],
    teacher: Mapping[str, AnyArray],
) -> jax.Array:
    """$\\lambda \\sum_t \\mathrm{mean}(m(f_t(S_t)) - m(T_t))^2$, adaptors f, means m over places.

    What is `plain` counts like a pair, without adaptor and mean.

    An adaptor is a 1x1 convolution, the norm of a batch by its own statistics and a ReLU. Height
    and width of the two taps may differ, since both are averaged over them.

    Args:
        distil: has the weight.
        pairs: of `ChannelDistil.pairs`.
        adaptors: of `init_channel_adaptors`, perhaps sliced.
        student: its taps (b h w c).
        teacher: its taps; no gradient flows into them.

    Reference: Ren et al. 2021 (arXiv 2108.06908), released code.

    Differs from the reference: the norms keep no running statistics, which it never reads.
    """
    total = jnp.float32(0)
    for ours, theirs in pairs.items():
        mapped = _adapt(adaptors[ours], jnp.asarray(student[ours]))
        target = jax.lax.stop_gradient(jnp.asarray(teacher[theirs]))
        total += l2_loss(mapped.mean(axis=(1, 2)), target.mean(axis=(1, 2)))
    for name in distil.plain:
        target = jax.lax.stop_gradient(jnp.asarray(teacher[name]))
        total += l2_loss(jnp.asarray(student[name]), target)
    if distil.over_taps == "mean":
        total /= max(len(pairs) + len(distil.plain), 1)
    return distil.weight * total


def _adapt(adaptor: Mapping[str, Any], x: jax.Array) -> jax.Array:
    y = x @ adaptor["kernel"]
    y -= y.mean(axis=(0, 1, 2))
    y *= jax.lax.rsqrt(jnp.square(y).mean(axis=(0, 1, 2)) + _EPSILON)
    return jax.nn.relu(y * adaptor["scale"] + adaptor["bias"])
