"""Pictures of several domains into each other by one generator, told by attributes which.

Reference: Choi et al. 2018 (arXiv 1711.09020), equations 1 to 6; Gulrajani et al. 2017 (arXiv
1704.00028) for the penalty of gradients.

Differs from the reference: there are two domains, each an attribute, and every picture is
translated into the other one, where targets are drawn there; the generator learns in every step,
not in every fifth.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.core import FrozenDict

from ganc.data.batches import Rows, Unpaired
from ganc.data.dataset import Dataset
from ganc.losses.reconstruction import l1_loss
from ganc.models.statistics import MOMENTUM
from ganc.tasks.task import Batch, Game, Inputs, Made, Task, under
from ganc.types import Discriminator, Generator, Verdict

ATTRIBUTES = {"a": (1.0, 0.0), "b": (0.0, 1.0)}
"""Domain -> what says that a picture is of it."""


def task(
    discriminator: Discriminator,
    *,
    classes: float = 1.0,
    reconstruction: float = 10.0,
    penalty: float = 10.0,
) -> Task:
    """Both directions by one generator; a -> b is scored.

    The penalty of gradients belongs to the game: a method that trains a discriminator of its own by
    the task's terms alone has none.

    Args:
        discriminator: tells real pictures from others, and names their attributes.
        classes: weight of the cross entropy of the attributes.
        reconstruction: weight of the mean |there and back again - picture|.
        penalty: weight of the mean $(|\\nabla D| - 1)^2$ between real pictures and fakes.
    """
    weights = {"classes": classes, "reconstruction": reconstruction, "penalty": penalty}

    def generator_terms(judge, batch, image, target):
        del batch
        terms = {"adversarial": -jnp.mean(judge(image).logits)}
        return terms | {"reconstruction": reconstruction * l1_loss(image, target)}

    return Task(
        name="stargan",
        discriminator=discriminator,
        inputs=lambda batch, key: Inputs(batch["a"], _options("b", len(batch["a"]))),
        real=lambda batch: batch["b"],
        target=lambda batch, image: image,
        shown=lambda batch, image: image,
        generator_terms=generator_terms,
        discriminator_terms=lambda real, fake: {"discriminator": critic(real, fake)},
        play=lambda generator: game(generator, discriminator, weights),
        batches=Mixing,
        paired=False,
        styled=lambda count: {"attributes": np.asarray(_attributes("b", count))},
    )


class Mixing:
    """Batches of both domains, drawn independently, and how real pictures and fakes are mixed."""

    def __init__(self, data: Dataset, size: int, seed: int):
        self._pictures = Unpaired(data.train_a, data.train_b, size, data.augmentation, seed)
        self._seed = seed

    def __call__(self, step: int, rows: Rows = None) -> Batch:
        """`Unpaired`'s batch, and "mix" (size 2) in [0, 1), a share for each domain."""
        rng = np.random.default_rng([self._seed, step, 2])
        mix = rng.random((self._pictures.size, 2), np.float32)
        return self._pictures(step, rows) | {"mix": mix if rows is None else mix[list(rows)]}


def critic(real: Verdict, fake: Verdict) -> jax.Array:
    """What the discriminator minimises: how much more real it finds the fakes."""
    return jnp.mean(fake.logits) - jnp.mean(real.logits)


def attributes_loss(verdict: Verdict, attributes: jax.Array) -> jax.Array:
    """The cross entropy of the attributes (b k), summed over them, the mean over pictures."""
    ((logits,),) = verdict.features
    return jnp.mean(jnp.sum(optax.sigmoid_binary_cross_entropy(logits, attributes), axis=1))


def _attributes(domain: str, count: int) -> jax.Array:
    return jnp.tile(jnp.asarray(ATTRIBUTES[domain]), (count, 1))


def _options(domain: str, count: int) -> FrozenDict:
    return FrozenDict({"attributes": _attributes(domain, count)})


def game(generator: Generator, discriminator: Discriminator, weights: dict[str, float]) -> Game:
    """One generator and one discriminator; `weights` are those of `task`."""

    def init(key: jax.Array):
        k_generator, k_discriminator = jax.random.split(key)
        return {
            "generator": {"ab": generator.init(k_generator)},
            "discriminator": {"b": discriminator.init(k_discriminator)},
        }

    def both(values: dict[str, jax.Array]) -> jax.Array:
        return jnp.concatenate([values["a"], values["b"]])

    def draw(params, x: jax.Array, attributes: jax.Array):
        return generator.apply(params, x, attributes=attributes, momentum=MOMENTUM)

    def generator_terms(generators, discriminators, batch: Batch, key):
        del key
        x = both({d: batch[d] for d in "ab"})
        own = both({d: _attributes(d, len(batch[d])) for d in "ab"})
        output = draw(generators["ab"], x, 1 - own)
        verdict = discriminator.apply(discriminators["b"], output.image)
        again = draw(generators["ab"], output.image, own).image
        terms = {
            "adversarial": -jnp.mean(verdict.logits),
            "classes": weights["classes"] * attributes_loss(verdict, 1 - own),
            "reconstruction": weights["reconstruction"] * l1_loss(again, x),
        }
        count = len(batch["a"])
        fakes = {"b": output.image[:count], "a": output.image[count:]}
        return terms, Made(fakes, {"ab": output.statistics}, {"b": output.taps})

    def penalty(params, real: jax.Array, fake: jax.Array, mix: jax.Array) -> jax.Array:
        between = mix[:, None, None, None] * real + (1 - mix[:, None, None, None]) * fake
        slopes = jax.grad(lambda x: jnp.sum(discriminator.apply(params, x).logits))(between)
        norms = jnp.sqrt(jnp.sum(jnp.square(slopes), axis=(1, 2, 3)) + 1e-12)
        return jnp.mean(jnp.square(norms - 1))

    def discriminator_terms(discriminators, batch: Batch, fakes):
        params = discriminators["b"]
        own = both({d: _attributes(d, len(batch[d])) for d in "ab"})
        x = both({d: batch[d] for d in "ab"})
        made = both({"a": fakes["b"], "b": fakes["a"]})  # each beside what it was made of
        real = discriminator.apply(params, x)
        mix = both({"a": batch["mix"][:, 0], "b": batch["mix"][:, 1]})
        terms = {
            "discriminator": critic(real, discriminator.apply(params, made)),
            "classes_real": weights["classes"] * attributes_loss(real, own),
            "penalty": weights["penalty"] * penalty(params, x, made, mix),
        }
        return terms, {"b": FrozenDict()}

    measured = {
        "generator": under("ab", generator.statistics),
        "discriminator": under("b", discriminator.statistics),
    }
    named = weights | {"classes_real": weights["classes"]}
    return Game(init, generator_terms, discriminator_terms, ("a", "b"), measured, weights=named)
