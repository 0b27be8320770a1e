"""The pool of past fakes that CycleGAN shows its discriminators."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Pool(NamedTuple):
    """Up to `len(images)` past fakes, of which the first `filled` are valid."""

    images: jax.Array
    filled: jax.Array


def init(size: int, image_shape: tuple[int, int, int]) -> Pool:
    """An empty pool of `size` pictures (h w c); a pool of size 0 passes pictures through."""
    return Pool(jnp.zeros((max(size, 1), *image_shape)), jnp.int32(0 if size else -1))


def query(pool: Pool, fakes: jax.Array, key: jax.Array) -> tuple[Pool, jax.Array]:
    """Exchanges `fakes` (b h w c) with the pool, one picture after the other.

    While the pool fills, every fake is stored and returned. Then, with probability one half, a
    random past fake is returned in its place and the new one stored.

    Reference: Shrivastava et al. 2017, as used by Zhu et al. 2017 (arXiv 1703.10593), section 4.
    """
    size = pool.images.shape[0]
    shown = []
    for fake, k in zip(fakes, jax.random.split(key, len(fakes)), strict=True):
        k_swap, k_slot = jax.random.split(k)
        filling = (pool.filled >= 0) & (pool.filled < size)
        swap = (pool.filled >= size) & jax.random.bernoulli(k_swap)
        slot = jnp.where(filling, pool.filled, jax.random.randint(k_slot, (), 0, size))
        shown.append(jnp.where(swap, pool.images[slot], fake))
        stored = jnp.where(filling | swap, fake, pool.images[slot])
        pool = Pool(pool.images.at[slot].set(stored), pool.filled + filling)
    return pool, jnp.stack(shown)
