"""How the published networks draw their first weights."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from flax.linen import initializers

Initializer = Callable[..., Any]


class Initial(NamedTuple):
    """A distribution of initial weights; fans count the kernel's whole area.

    Attributes:
        kernel: of convolutions and of matrices (HWIO, IO).
        transposed: of transposed convolutions (HWIO).
        bias: fan -> the distribution of a bias.
    """

    kernel: Initializer
    transposed: Initializer
    bias: Callable[[int], Initializer]


def _zeros(fan: int) -> Initializer:
    del fan
    return initializers.zeros


def _uniform(fan: int) -> Initializer:
    bound = fan**-0.5
    return lambda key, shape: jax.random.uniform(key, shape, minval=-bound, maxval=bound)


_scaled = initializers.variance_scaling

NORMAL = Initial(initializers.normal(0.02), initializers.normal(0.02), _zeros)
"""N(0, 0.02): every network of the CycleGAN and pix2pix line."""

KAIMING = Initial(_scaled(2, "fan_in", "normal"), _scaled(2, "fan_out", "normal"), _zeros)
"""N(0, sqrt(2 / fan in)): MUNIT's generator."""

XAVIER = Initial(
    _scaled(0.02**2, "fan_avg", "normal"), _scaled(0.02**2, "fan_avg", "normal"), _zeros
)
"""N(0, 0.02 sqrt(2 / (fan in + fan out))): GauGAN."""

# PyTorch reads the fan of a transposed kernel off its output channels.
TORCH = Initial(_scaled(1 / 3, "fan_in", "uniform"), _scaled(1 / 3, "fan_out", "uniform"), _uniform)
"""U(+-1 / sqrt(fan)), biases too: what PyTorch draws when nobody says otherwise; GAN Slimming."""
