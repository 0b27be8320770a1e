"""Translation of aligned pairs, judged beside the source.

Reference: Isola et al. 2017 (arXiv 1611.07004); Li et al. 2020 (arXiv 2003.08936) for the hinge and
for the truth as what a student reconstructs.
"""

import jax.numpy as jnp

from ganc.data.batches import Paired
from ganc.data.dataset import Dataset
from ganc.losses.adversarial import HINGE, Adversarial
from ganc.tasks.task import Inputs, Task, solo
from ganc.tasks.terms import adversarial_alone, adversarial_and_l1
from ganc.types import Discriminator


def task(
    discriminator: Discriminator,
    *,
    adversarial: Adversarial = HINGE,
    reconstruction: float = 100.0,
) -> Task:
    """The direction a -> b: teachers and students alike match the truth.

    Args:
        discriminator: of 6 channels, the source and then the picture.
        adversarial: the hinge of the published compressed models, or least squares.
        reconstruction: weight of the mean |picture - truth|: 100, on maps 10.
    """

    this = Task(
        name="pix2pix",
        discriminator=discriminator,
        inputs=lambda batch, key: Inputs(batch["a"]),
        real=lambda batch: batch["b"],
        target=lambda batch, image: batch["b"],
        shown=lambda batch, image: jnp.concatenate([batch["a"], image], axis=-1),
        generator_terms=adversarial_and_l1(adversarial, reconstruction),
        discriminator_terms=adversarial_alone(adversarial),
        play=lambda generator: solo(this, generator),
        batches=paired,
        paired=True,
        weights={"reconstruction": reconstruction},
    )
    return this


def paired(data: Dataset, size: int, seed: int) -> Paired:
    """Batches of pairs with one crop and one flip for both pictures."""
    return Paired(data.train_a, data.train_b, size, data.augmentation, seed)
