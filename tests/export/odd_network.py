"""A network of what no family has: other norms, splits, reductions, products and selections."""

from dataclasses import replace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from ganc.types import Output


class Odd(nn.Module):
    @nn.compact
    def __call__(self, x):
        y = nn.Conv(6, (3, 3), padding=[(1, 1)] * 2, name="flax")(x)
        y = nn.gelu(y) + nn.leaky_relu(jnp.flip(y, 1)) * nn.sigmoid(y)
        y = jnp.pad(y, ((0, 0), (2, 1), (0, 3), (0, 0)), mode="reflect")[:, 1:-2, :-3]
        a, b = jnp.split(nn.InstanceNorm(name="norm")(y), 2, axis=-1)
        b = b.transpose(0, 2, 1, 3).reshape(b.shape[0], -1, 3).reshape(a.shape)
        a = nn.Dense(3, name="dense")(a) / (1 + jnp.max(a, axis=(1, 2), keepdims=True) ** 2)
        rows = jnp.sum(b, axis=1)  # three axes
        b = jax.lax.clamp(-1.0, jnp.round(8 * b) / 8, 2.0)
        b = jnp.where(b > 0, b, jnp.exp(-jnp.abs(b))) + rows[:, None] / x.shape[1]
        gram = jnp.einsum("bhwc,bhwd->bcd", a, b) / (x.shape[1] * x.shape[2])
        return Output(jnp.tanh(jnp.einsum("bhwc,bcd->bhwd", a, gram) + jnp.min(x)), {})


def odd_network(toy):
    """A generator that computes `Odd`, and parameters."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(Odd().init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))["params"]
    params = jax.tree.map(lambda leaf: np.float32(rng.normal(0, 0.5, leaf.shape)), shapes)
    made = replace(toy(2), minimum=8, apply=lambda p, x: Odd().apply({"params": p}, x))
    return made, params
