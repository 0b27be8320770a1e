"""Loss terms that several tasks share."""

import jax

from ganc.losses.adversarial import Adversarial
from ganc.losses.reconstruction import l1_loss
from ganc.tasks.task import Batch, Judge, Terms
from ganc.types import Verdict


def adversarial_and_l1(adversarial: Adversarial, reconstruction: float):
    """Generator terms: to convince the judge, and to match the target by the mean difference.

    Args:
        adversarial: the loss on verdicts.
        reconstruction: weight of the mean |picture - target|.

    Reference: Isola et al. 2017 (arXiv 1611.07004), equation 4.
    """

    def generator_terms(judge: Judge, batch: Batch, image: jax.Array, target: jax.Array) -> Terms:
        del batch
        return {
            "adversarial": adversarial.generator(judge(image)),
            "reconstruction": reconstruction * l1_loss(image, target),
        }

    return generator_terms


def adversarial_alone(adversarial: Adversarial):
    """Discriminator terms: to tell real pictures from fakes."""

    def discriminator_terms(real: Verdict, fake: Verdict) -> Terms:
        return {"discriminator": adversarial.discriminator(real, fake)}

    return discriminator_terms
