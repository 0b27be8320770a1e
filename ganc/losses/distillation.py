"""Making a student's features resemble a teacher's."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ganc import channels
from ganc.losses.reconstruction import l2_loss
from ganc.types import Axes, Channels, Params


def init_adaptors(
    key: jax.Array,
    taps: Mapping[str, Channels],
    student: Mapping[str, int],
    teacher: Mapping[str, int],
) -> tuple[Params, Axes]:
    """1x1 convolutions from the student's width to the teacher's, one per tap, and their axes.

    Args:
        key: random key; weights are N(0, 0.02), biases 0.
        taps: name of each tap -> its channel group, or groups where they are concatenated.
        student: full width of every group of the student.
        teacher: width of every tap of the teacher, by name.
    """
    params, axes = {}, {}
    for k, (tap, group) in zip(jax.random.split(key, len(taps)), taps.items(), strict=True):
        shape = (channels.count(group, student), teacher[tap])
        params[tap] = {"kernel": 0.02 * jax.random.normal(k, shape), "bias": jnp.zeros(shape[1])}
        axes[tap] = {"kernel": (group, None), "bias": (None,)}
    return params, axes


def distillation_loss(
    adaptors: Params, student: Mapping[str, jax.Array], teacher: Mapping[str, jax.Array]
) -> jax.Array:
    """$\\sum_t \\mathrm{mean}\\,(f_t(S_t) - T_t)^2$ over the taps of the adaptors $f_t$.

    Reference: Li et al. 2020 (arXiv 2003.08936), intermediate feature distillation; the adaptor
    maps the student, as in the released code.
    """
    return sum(
        (l2_loss(student[t] @ f["kernel"] + f["bias"], teacher[t]) for t, f in adaptors.items()),
        jnp.float32(0),
    )
