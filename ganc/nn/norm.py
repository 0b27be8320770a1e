"""Normalisers, and by name those of the CycleGAN and pix2pix line.

What a family alone needs stands with that family.
"""

from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen import initializers
from jax import lax
from jaxtyping import Array, Float

from ganc.nn.call import Layer
from ganc.nn.layers import logical
from ganc.nn.operation import operation
from ganc.nn.precision import lowered, raised
from ganc.types import AnyArray, Group

STATISTICS = "statistics"
"""The Flax collection of what training measures rather than learns."""

EPSILON = 1e-5


def near_one(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    """N(1, 0.02): the first scales of the batch norms of the CycleGAN and pix2pix line."""
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


@operation
def instance_norm(x: Float[AnyArray, "b h w c"], eps: float = EPSILON) -> Float[Array, "b h w c"]:
    """Normalises each channel of each picture of `x` to mean 0 and variance 1.

    $(x - \\mu) / \\sqrt{\\sigma^2 + \\epsilon}$ with the biased variance over height and width, as
    PyTorch's non-affine InstanceNorm2d. The variance is taken of the centred values: the one-pass
    form loses 1e-2 at a mean of 100.
    """
    x = jnp.asarray(raised(x))
    centred = x - jnp.mean(x, axis=(1, 2), keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
    return centred * lax.rsqrt(variance + eps)


class _Norm(Layer):
    """Scale and shift per channel, where `affine`; subclasses say what is scaled."""

    group: Group
    affine: bool = False
    scale: initializers.Initializer = initializers.ones

    def scaled(self, x: jax.Array) -> jax.Array:
        """`x` (b h w c) times the scale plus the bias."""
        if not self.affine:
            return lowered(x)
        shape = x.shape[-1:]
        scale: Any = self.param("scale", logical(self.scale, self.group), shape)
        shift: Any = self.param("bias", logical(initializers.zeros, self.group), shape)
        return lowered(x * scale + shift)


class InstanceNorm(_Norm):
    """Instance norm; training and evaluation are the same, and so is it with and without masks."""

    eps: float = EPSILON

    @nn.compact
    def __call__(self, x: Float[AnyArray, "b h w c"]) -> Float[Array, "b h w c"]:
        """Normalises `x`."""
        return self.scaled(instance_norm(x, self.eps))


class BatchNorm(_Norm):
    """Batch norm with running statistics, which are variables of the collection `STATISTICS`.

    A call without momentum normalises by the running statistics. One with a momentum does so by
    those of the batch (biased variance), towards which the running ones (unbiased variance) move by
    that fraction.

    With a batch that is split over devices under `jit`, means are over the whole batch: it is
    synchronised.

    Differs from the reference (PyTorch): the statistics of channels that the masks leave out stay
    as they are.
    """

    @nn.compact
    def __call__(self, x: Float[AnyArray, "b h w c"]) -> Float[Array, "b h w c"]:
        """Normalises `x`."""
        x = jnp.asarray(raised(x))
        mean, variance = self._variable("mean", x, 0.0), self._variable("var", x, 1.0)
        if self.momentum is None:
            m, v = mean.value, variance.value
        else:
            m = jnp.mean(x, axis=(0, 1, 2))
            v = jnp.mean(jnp.square(x - m), axis=(0, 1, 2))
            count = x.size // x.shape[-1]
            mask = self.mask(self.group)
            rate = self.momentum if mask is None else self.momentum * mask
            mean.value += rate * (lax.stop_gradient(m) - mean.value)
            unbiased = lax.stop_gradient(v) * count / max(count - 1, 1)
            variance.value += rate * (unbiased - variance.value)
        return self.scaled((x - m) * lax.rsqrt(v + EPSILON))

    def _variable(self, name: str, x: AnyArray, value: float) -> Any:
        draw = logical(initializers.constant(value), self.group)
        # The key is never used: a constant is drawn.
        return self.variable(
            STATISTICS, name, lambda: draw(jax.random.key(0), x.shape[-1:], jnp.float32)
        )


Norm = Literal["batch", "instance", "affine"]
"""The norms of the CycleGAN and pix2pix line: `batch`, with running statistics, a scale near 1 and
a shift, after convolutions without biases; `instance`, without any, after ones with biases;
`affine`, an instance norm with scale and shift, after ones with biases."""


def norm_layer(kind: Norm, group: Group, name: str) -> BatchNorm | InstanceNorm:
    """The norm of that `kind`, over the channels of `group`."""
    if kind == "batch":
        return BatchNorm(group, affine=True, scale=near_one, name=name)
    return InstanceNorm(group, affine=kind == "affine", name=name)
