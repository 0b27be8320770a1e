"""Pictures like those of one domain, out of noise.

Reference: Radford et al. 2015 (arXiv 1511.06434); Goodfellow et al. 2014 (arXiv 1406.2661) for the
loss that does not saturate.
"""

import dataclasses

import jax
import numpy as np
from flax.core import FrozenDict

from ganc.losses.adversarial import CROSS_ENTROPY, Adversarial
from ganc.tasks.cyclegan import unpaired
from ganc.tasks.task import Batch, Inputs, Judge, Task, Terms, solo
from ganc.tasks.terms import adversarial_alone
from ganc.types import Discriminator

WHOLE = dataclasses.replace(CROSS_ENTROPY, halved=False)
"""The discriminator's two terms are added, not halved."""


def task(
    discriminator: Discriminator, *, noise: int = 100, adversarial: Adversarial = WHOLE
) -> Task:
    """Pictures of domain b; those of a only say how many are wanted.

    Args:
        discriminator: judges pictures alone.
        noise: numbers that a picture is made of, drawn from N(0, 1).
        adversarial: cross entropy, as published.
    """

    def inputs(batch: Batch, key: jax.Array) -> Inputs:
        drawn = jax.random.normal(key, (len(batch["a"]), noise))
        return Inputs(batch["a"], FrozenDict({"noise": drawn}))

    def generator_terms(judge: Judge, batch: Batch, image: jax.Array, target: jax.Array) -> Terms:
        del batch, target
        return {"adversarial": adversarial.generator(judge(image))}

    this = Task(
        name="dcgan",
        discriminator=discriminator,
        inputs=inputs,
        real=lambda batch: batch["b"],
        target=lambda batch, image: image,
        shown=lambda batch, image: image,
        generator_terms=generator_terms,
        discriminator_terms=adversarial_alone(adversarial),
        play=lambda generator: solo(this, generator),
        batches=unpaired,
        paired=False,
        metrics=("kid", "fd"),
        styled=lambda count: {"noise": draws(count, noise)},
    )
    return this


def draws(count: int, noise: int) -> np.ndarray:
    """The noise (count noise) of the pictures that are scored: always the same."""
    return np.random.default_rng(0).standard_normal((count, noise), np.float32)
