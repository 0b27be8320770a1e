"""Unpaired translation between two domains with cycle consistency.

Reference: Zhu et al. 2017 (arXiv 1703.10593), equations 1 to 3 and section 5.2 (identity).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ganc.losses.adversarial import LEAST_SQUARES, Adversarial
from ganc.losses.reconstruction import l1_loss
from ganc.tasks import pool
from ganc.types import Discriminator, Generator, TrainState


@dataclass(frozen=True)
class CycleGan:
    """The two-player objective of a pair of generators and a pair of discriminators.

    Attributes:
        generator: a -> b and, with parameters of its own, b -> a.
        discriminator: judges one domain.
        adversarial: least squares, as published.
        cycle: weight of $|G_{ba}(G_{ab}(a)) - a|_1$ and of its mirror image.
        identity: weight of $|G_{ab}(b) - b|_1$ relative to `cycle`.
        pool: past fakes kept for the discriminators.
        average: decay of the running average of the generators; 0 keeps none. The average takes no
            part in training; it is a steadier model to keep. Published models do without.
    """

    generator: Generator
    discriminator: Discriminator
    adversarial: Adversarial = LEAST_SQUARES
    cycle: float = 10.0
    identity: float = 0.5
    pool: int = 50
    average: float = 0.0


def init(
    task: CycleGan, key: jax.Array, optimizer: optax.GradientTransformation, image_size: int
) -> TrainState:
    """Fresh parameters, optimiser states and empty pools for pictures of `image_size`."""
    k = jax.random.split(key, 4)
    generators = {"ab": task.generator.init(k[0]), "ba": task.generator.init(k[1])}
    discriminators = {"a": task.discriminator.init(k[2]), "b": task.discriminator.init(k[3])}
    params = {"generators": generators, "discriminators": discriminators}
    shape = (image_size, image_size, 3)
    extra: Any = {"pools": {domain: pool.init(task.pool, shape) for domain in "ab"}}
    if task.average:
        extra["average"] = jax.tree.map(jnp.copy, generators)
    opt_state = {role: optimizer.init(tree) for role, tree in params.items()}
    return TrainState(jnp.int32(0), params, opt_state, extra)


def make_step(
    task: CycleGan, optimizer: optax.GradientTransformation, axis_name: str | None = None
) -> Callable:
    """`step(state, batch, key) -> (state, scalars)`; `batch` has pictures "a" and "b".

    The generators step first, then the discriminators on the fakes of before that step, exchanged
    with the pool. As neither gradient depends on the other's update, both are taken at once.
    With `axis_name`, gradients and scalars are averaged over that axis of `jax.pmap`, or of
    `jax.shard_map` with `check_vma=False`.
    """
    g = task.generator.apply

    def d(params, x):
        return task.discriminator.apply(params, x).logits

    def generator_loss(generators, discriminators, batch):
        a, b, n = batch["a"], batch["b"], len(batch["a"])
        # One call per generator for translation and identity: instance norm keeps pictures apart.
        both = g(generators["ab"], jnp.concatenate([a, b])).image
        fake_b, same_b = both[:n], both[n:]
        both = g(generators["ba"], jnp.concatenate([b, a])).image
        fake_a, same_a = both[: len(b)], both[len(b) :]
        terms = {
            "adversarial_ab": task.adversarial.generator(d(discriminators["b"], fake_b)),
            "adversarial_ba": task.adversarial.generator(d(discriminators["a"], fake_a)),
            "cycle_a": task.cycle * l1_loss(g(generators["ba"], fake_b).image, a),
            "cycle_b": task.cycle * l1_loss(g(generators["ab"], fake_a).image, b),
            "identity_a": task.cycle * task.identity * l1_loss(same_a, a),
            "identity_b": task.cycle * task.identity * l1_loss(same_b, b),
        }
        return sum(terms.values()), (terms, {"a": fake_a, "b": fake_b})

    def discriminator_loss(discriminators, batch, shown):
        def judge(domain: str) -> jax.Array:
            params, n = discriminators[domain], len(batch[domain])
            logits = d(params, jnp.concatenate([batch[domain], shown[domain]]))
            return task.adversarial.discriminator(logits[:n], logits[n:])

        terms = {f"discriminator_{domain}": judge(domain) for domain in "ab"}
        return sum(terms.values()), terms

    def step(state: TrainState, batch, key: jax.Array):
        generators, discriminators = state.params["generators"], state.params["discriminators"]
        g_grads, (g_terms, fakes) = jax.grad(generator_loss, has_aux=True)(
            generators, discriminators, batch
        )
        pools, shown = {}, {}
        for domain, k in zip("ab", jax.random.split(key), strict=True):
            pools[domain], shown[domain] = pool.query(
                state.extra["pools"][domain], fakes[domain], k
            )
        d_grads, d_terms = jax.grad(discriminator_loss, has_aux=True)(discriminators, batch, shown)
        grads = {"generators": g_grads, "discriminators": d_grads}
        scalars = g_terms | d_terms
        if axis_name is not None:
            grads, scalars = jax.lax.pmean((grads, scalars), axis_name)
        params: Any = {}
        opt_state: Any = {}
        for role, tree in state.params.items():
            updates, opt_state[role] = optimizer.update(grads[role], state.opt_state[role], tree)
            params[role] = optax.apply_updates(tree, updates)
        new: Any = {"pools": pools}
        if task.average:
            new["average"] = optax.incremental_update(
                params["generators"], state.extra["average"], 1 - task.average
            )
        return TrainState(state.step + 1, params, opt_state, new), scalars

    return step
