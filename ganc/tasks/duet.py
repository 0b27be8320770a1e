"""The game of both directions at once, each with a generator and a discriminator of its own."""

from collections.abc import Callable, Mapping

import jax
from flax.core import FrozenDict

from ganc.losses.adversarial import Adversarial
from ganc.models.statistics import apply_each
from ganc.tasks.task import Batch, Game, Made, Terms, under
from ganc.types import Discriminator, Generator, Params


def duet(
    generator: Generator,
    discriminator: Discriminator,
    adversarial: Adversarial,
    generator_terms: Callable[[Params, Params, Batch, jax.Array], tuple[Terms, Made]],
    *,
    pool: int = 0,
    weights: Mapping[str, float] = FrozenDict(),
) -> Game:
    """The game of unpaired tasks: generators "ab" and "ba", discriminators of "a" and "b".

    Args:
        generator: of either direction.
        discriminator: of either domain; its real and fake pictures are taken in one call where it
            sees each picture by itself.
        adversarial: what discriminators minimise.
        generator_terms: see `Game`.
        pool: see `Game`.
        weights: see `Game`.
    """

    def init(key: jax.Array) -> dict[str, Params]:
        k = jax.random.split(key, 4)
        return {
            "generator": {"ab": generator.init(k[0]), "ba": generator.init(k[1])},
            "discriminator": {"a": discriminator.init(k[2]), "b": discriminator.init(k[3])},
        }

    def discriminator_terms(discriminators, batch: Batch, fakes):
        terms, statistics = {}, {}
        for domain in "ab":
            pictures = [batch[domain], fakes[domain]]
            (real, fake), statistics[domain] = apply_each(
                discriminator, discriminators[domain], pictures
            )
            terms[f"discriminator_{domain}"] = adversarial.discriminator(real, fake)
        return terms, statistics

    measured = {
        "generator": under("ab", generator.statistics) | under("ba", generator.statistics),
        "discriminator": under("a", discriminator.statistics)
        | under("b", discriminator.statistics),
    }
    return Game(init, generator_terms, discriminator_terms, ("a", "b"), measured, pool, weights)
