"""Label maps into pictures, judged beside the labels at several scales.

Reference: Park et al. 2019 (arXiv 1903.07291), without the encoder of a style picture; Li et al.
2020 (arXiv 2003.08936), who compress it so.
"""

import dataclasses

import jax
import jax.numpy as jnp

from ganc.data.batches import Paired
from ganc.data.dataset import Dataset
from ganc.data.labels import LabelMaps
from ganc.features.perceptual import perceptual as load_perceptual
from ganc.losses.adversarial import HINGE, Adversarial, feature_matching
from ganc.losses.reconstruction import l1_loss
from ganc.tasks.task import Batch, Inputs, Judge, Task, Terms, solo
from ganc.tasks.terms import adversarial_alone
from ganc.types import Discriminator

WHOLE_HINGE = dataclasses.replace(HINGE, halved=False)
"""The mean over scales; the discriminator's two terms are added, not halved."""

DEPTHS = (1 / 16, 1 / 8, 1 / 4, 1)
"""Weights of perceptual features, from fine to coarse: the last four of Park et al."""


def task(
    discriminator: Discriminator,
    labels: LabelMaps,
    *,
    adversarial: Adversarial = WHOLE_HINGE,
    features: float = 10.0,
    perceptual: float = 10.0,
    network: str = "lite0",
) -> Task:
    """The direction a -> b, from label maps: teachers and students alike match the truth.

    Args:
        discriminator: of the channels of the label map, then 3 of the picture; it gives features.
        labels: what the label maps hold.
        adversarial: the hinge.
        features: weight of $\\frac1K \\sum_k \\sum_j |D_{kj}(\\hat y) - D_{kj}(y)|$, the distance
            of the discriminator's features on K scales.
        perceptual: weight of $\\sum_j w_j |F_j(\\hat y) - F_j(y)|$ with `DEPTHS` as the weights; 0:
            none.
        network: whose features these are, see `ganc.features.perceptual`.

    Raises:
        UserError: there is no such network, or its file cannot be read.

    Differs from the reference: perceptual features have four depths, of Lite0 or of VGG-16, not the
    five of VGG-19. Both players learn from one picture; the reference draws it again, after the
    generator's step, for the discriminator.
    """
    seen = load_perceptual(network, scaling="none") if perceptual else None

    def generator_terms(judge: Judge, batch: Batch, image: jax.Array, target: jax.Array) -> Terms:
        del batch
        fake = judge(image)
        terms = {"adversarial": adversarial.generator(fake)}
        if features:
            terms["features"] = features * feature_matching(judge(target), fake)
        if seen is not None:
            pairs = zip(seen.maps(seen.params, image), seen.maps(seen.params, target), strict=True)
            distances = [w * l1_loss(x, y) for w, (x, y) in zip(DEPTHS, pairs, strict=True)]
            terms["perceptual"] = perceptual * sum(distances, jnp.float32(0))
        return terms

    this = Task(
        name="gaugan",
        discriminator=discriminator,
        inputs=lambda batch, key: Inputs(batch["a"]),
        real=lambda batch: batch["b"],
        target=lambda batch, image: batch["b"],
        shown=lambda batch, image: jnp.concatenate([batch["a"], image], axis=-1),
        generator_terms=generator_terms,
        discriminator_terms=adversarial_alone(adversarial),
        play=lambda generator: solo(this, generator),
        batches=labelled,
        paired=True,
        labels=labels,
        weights={"features": features, "perceptual": perceptual},
    )
    return this


def labelled(data: Dataset, size: int, seed: int) -> Paired:
    """Batches of encoded label maps and pictures, with one crop and one flip for both."""
    return Paired(data.train_a, data.train_b, size, data.augmentation, seed, data.encode)
