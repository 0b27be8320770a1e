"""Pictures of four times the resolution.

Reference: Ledig et al. 2017 (arXiv 1609.04802), equations 3 to 6.
"""

import dataclasses

import jax

from ganc.data.batches import Batch as Arrays
from ganc.data.batches import Paired, Rows
from ganc.data.dataset import Dataset
from ganc.data.pictures import coarsen
from ganc.features.perceptual import perceptual as load_perceptual
from ganc.losses.adversarial import CROSS_ENTROPY, Adversarial
from ganc.losses.reconstruction import l2_loss
from ganc.tasks.task import Batch, Inputs, Judge, Task, Terms, solo
from ganc.tasks.terms import adversarial_alone
from ganc.types import Discriminator

WHOLE = dataclasses.replace(CROSS_ENTROPY, halved=False)
"""The discriminator's two terms are added, not halved."""


def task(
    discriminator: Discriminator,
    *,
    scale: int = 4,
    pixels: float = 1.0,
    content: float = 0.1,
    adversarial: float = 1e-3,
    loss: Adversarial = WHOLE,
    network: str = "lite0",
) -> Task:
    """From coarse pictures, enlarged by repeating their pixels, to fine ones.

    Args:
        discriminator: judges pictures alone.
        scale: how many pixels a side were made one.
        pixels: weight of the mean squared difference of pictures.
        content: weight of that of their features, at the depth that is compared place by place.
        adversarial: weight of what the discriminator says; 1e-3 as published.
        loss: cross entropy, as published.
        network: whose features these are, see `ganc.features.perceptual`; empty: none.

    Raises:
        UserError: there is no such network, or its file cannot be read.

    Differs from the reference: features are Lite0's, not those of VGG-19, and the difference of
    pixels stands beside them; pictures are made coarse by the means of squares.
    """
    seen = load_perceptual(network) if network and content else None

    def generator_terms(judge: Judge, batch: Batch, image: jax.Array, target: jax.Array) -> Terms:
        del batch
        terms = {
            "adversarial": adversarial * loss.generator(judge(image)),
            "pixels": pixels * l2_loss(image, target),
        }
        if seen is not None:
            ours, theirs = (seen.maps(seen.params, x)[seen.content] for x in (image, target))
            terms["content"] = content * l2_loss(ours, theirs)
        return terms

    this = Task(
        name="srgan",
        discriminator=discriminator,
        inputs=lambda batch, key: Inputs(batch["a"]),
        real=lambda batch: batch["b"],
        target=lambda batch, image: batch["b"],
        shown=lambda batch, image: image,
        generator_terms=generator_terms,
        discriminator_terms=adversarial_alone(loss),
        play=lambda generator: solo(this, generator),
        batches=lambda data, size, seed: Coarse(data, size, seed, scale),
        paired=True,
        weights={"adversarial": adversarial, "pixels": pixels, "content": content},
    )
    return this


class Coarse:
    """Batches of fine pictures ("b") and what is left of them ("a"); both after the crop."""

    def __init__(self, data: Dataset, size: int, seed: int, scale: int):
        self._pictures = Paired(data.train_b, data.train_b, size, data.augmentation, seed)
        self._scale = scale

    def __call__(self, step: int, rows: Rows = None) -> Arrays:
        """The batch of `step`, arrays (size h w 3) in [-1, 1]."""
        batch = self._pictures(step, rows)
        return batch | {"a": coarsen(batch["b"], self._scale)}
