"""Networks in the plain style of Flax's examples, which know nothing of channel groups."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

conv = partial(nn.Conv, kernel_size=(3, 3))


class AttentionUNet(nn.Module):
    """Two scales, a skip, group norms, and self-attention with two heads at the coarser one."""

    width: int

    @nn.compact
    def __call__(self, x):
        skip = nn.silu(nn.GroupNorm(2)(conv(self.width)(x)))
        x = nn.silu(nn.GroupNorm(2)(conv(2 * self.width, strides=2)(skip)))
        b, h, w, c = x.shape
        tokens = nn.LayerNorm()(x.reshape(b, h * w, c))
        x = x + nn.MultiHeadDotProductAttention(2, qkv_features=8)(tokens).reshape(x.shape)
        x = nn.ConvTranspose(self.width, (4, 4), strides=(2, 2))(x)
        x = jnp.concatenate([x, skip], axis=-1)
        return jnp.tanh(conv(3)(nn.relu(conv(self.width)(x))))


class Dcgan(nn.Module):
    """Noise (b z) through a dense layer that is reshaped to a map, then transposed convolutions."""

    width: int

    @nn.compact
    def __call__(self, z):
        x = nn.Dense(4 * 4 * 2 * self.width)(z).reshape(-1, 4, 4, 2 * self.width)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        x = nn.ConvTranspose(self.width, (4, 4), strides=(2, 2), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        return jnp.tanh(nn.ConvTranspose(3, (4, 4), strides=(2, 2))(x))


class GroupNormResNet(nn.Module):
    """Residual blocks around group norms; the trunk is pooled and resized."""

    width: int

    @nn.compact
    def __call__(self, x):
        x = nn.avg_pool(conv(self.width)(x), (2, 2), (2, 2))
        for _ in range(2):
            y = conv(2 * self.width)(nn.relu(nn.GroupNorm(4)(x)))
            x = x + conv(self.width)(nn.relu(nn.GroupNorm(4)(y)))
        b, h, w, c = x.shape
        return conv(3)(jax.image.resize(nn.relu(x), (b, 2 * h, 2 * w, c), "bilinear"))


class PixelShuffle(nn.Module):
    """A super-resolver: everything at low resolution, then channels become pixels."""

    width: int

    @nn.compact
    def __call__(self, x):
        first = nn.leaky_relu(conv(self.width)(x))
        y = nn.PReLU()(conv(self.width)(first)) + first
        y = conv(4 * self.width)(y)
        b, h, w, _ = y.shape
        y = y.reshape(b, h, w, 2, 2, self.width).transpose(0, 1, 3, 2, 4, 5)
        y = nn.relu(y.reshape(b, 2 * h, 2 * w, self.width))
        return conv(3)(y) + jax.image.resize(x, (b, 2 * h, 2 * w, 3), "nearest")


class Modulated(nn.Module):
    """A convolution whose inputs are scaled by a style, and its outputs back to unit variance."""

    features: int

    @nn.compact
    def __call__(self, x, style):
        scale = nn.Dense(x.shape[-1])(style)
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(0.1), shape)
        y = jax.lax.conv_general_dilated(
            x * scale[:, None, None],
            kernel,
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        power = jnp.square(scale) @ jnp.sum(jnp.square(kernel), axis=(0, 1))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return nn.leaky_relu(y * jax.lax.rsqrt(power + 1e-8)[:, None, None] + bias, 0.2)


class StyleGenerator(nn.Module):
    """Noise to a style; a learned constant, modulated and made a picture."""

    width: int

    @nn.compact
    def __call__(self, z):
        z = z * jax.lax.rsqrt(jnp.mean(jnp.square(z), axis=-1, keepdims=True) + 1e-8)
        style = nn.leaky_relu(nn.Dense(2 * self.width)(z), 0.2)
        start = self.param("start", nn.initializers.normal(1.0), (1, 4, 4, 2 * self.width))
        x = Modulated(2 * self.width)(jnp.repeat(start, len(z), axis=0), style)
        x = Modulated(self.width)(x.repeat(2, axis=1).repeat(2, axis=2), style)
        return conv(3, kernel_size=(1, 1))(x)


class ConvNext(nn.Module):
    """Depthwise 7x7, layer norm, four times as wide and back, times a learned scale."""

    width: int

    @nn.compact
    def __call__(self, x):
        x = nn.LayerNorm()(nn.Conv(self.width, (2, 2), strides=2)(x))
        for i in range(2):
            y = nn.Conv(self.width, (7, 7), feature_group_count=self.width)(x)
            y = nn.Dense(4 * self.width)(nn.LayerNorm()(y))
            y = nn.Dense(self.width)(nn.gelu(y))
            x = x + self.param(f"gamma{i}", nn.initializers.constant(0.5), (self.width,)) * y
        x = nn.LayerNorm(use_fast_variance=False)(x)
        return nn.ConvTranspose(3, (2, 2), strides=(2, 2))(x)


@dataclass(frozen=True)
class Network:
    """One of them at a small width, with what it takes.

    Attributes:
        make: width -> the module.
        shape: of the input.
        groups: how many channel groups it has.
    """

    make: Callable[[int], nn.Module]
    shape: tuple[int, ...]
    groups: int
    width: int = 8

    def example(self, seed: int = 0) -> np.ndarray:
        """An input."""
        return np.random.default_rng(seed).uniform(-1, 1, self.shape).astype(np.float32)

    def shapes(self, width: int | None = None) -> Any:
        """The shapes of its variables."""
        module = self.make(width or self.width)
        return jax.eval_shape(module.init, jax.random.key(0), self.example())

    def params(self, seed: int = 1) -> Any:
        """Random variables; scales and variances are near 1."""
        rng = np.random.default_rng(seed)

        def leaf(path, shape):
            values = np.float32(rng.normal(0, 0.2, shape.shape))
            name = path[-1].key
            return {"scale": 1 + values, "var": 1 + np.abs(values)}.get(name, values)

        return jax.tree_util.tree_map_with_path(leaf, self.shapes())


PICTURE, NOISE = (2, 8, 8, 3), (2, 6)
NETWORKS = {
    "attention U-Net": Network(AttentionUNet, PICTURE, 7),
    "DCGAN": Network(Dcgan, NOISE, 2),
    "residual net with group norms": Network(GroupNormResNet, PICTURE, 3),
    "pixel shuffle": Network(PixelShuffle, PICTURE, 2),
    "modulated convolutions": Network(StyleGenerator, NOISE, 4),
    "ConvNeXt": Network(ConvNext, PICTURE, 3),
}
