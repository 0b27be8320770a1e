"""Unpaired translation between two domains with cycle consistency.

Reference: Zhu et al. 2017 (arXiv 1703.10593), equations 1 to 3 and section 5.2 (identity); Li et
al. 2020 (arXiv 2003.08936) for the one direction that is compressed.
"""

from ganc.data.batches import Unpaired
from ganc.data.dataset import Dataset
from ganc.losses.adversarial import LEAST_SQUARES, Adversarial
from ganc.losses.reconstruction import l1_loss
from ganc.models.statistics import MOMENTUM, apply_each
from ganc.tasks.duet import duet
from ganc.tasks.task import Batch, Game, Inputs, Made, Task
from ganc.tasks.terms import adversarial_alone, adversarial_and_l1
from ganc.types import Discriminator, Generator


def task(
    discriminator: Discriminator,
    *,
    adversarial: Adversarial = LEAST_SQUARES,
    reconstruction: float = 10.0,
    cycle: float = 10.0,
    identity: float = 0.5,
    pool: int = 50,
) -> Task:
    """The direction a -> b: a student matches its teacher's pictures, as there is no truth.

    Args:
        discriminator: judges one domain, pictures alone.
        adversarial: least squares, as published.
        reconstruction: weight of the mean |student - teacher|; 10 on horse2zebra.
        cycle: in training from scratch, weight of $|G_{ba}(G_{ab}(a)) - a|_1$ and of its mirror
            image.
        identity: there, weight of $|G_{ab}(b) - b|_1$ relative to `cycle`.
        pool: there, past fakes kept for the discriminators.
    """

    return Task(
        name="cyclegan",
        discriminator=discriminator,
        inputs=lambda batch, key: Inputs(batch["a"]),
        real=lambda batch: batch["b"],
        target=lambda batch, image: image,
        shown=lambda batch, image: image,
        generator_terms=adversarial_and_l1(adversarial, reconstruction),
        discriminator_terms=adversarial_alone(adversarial),
        play=lambda generator: game(generator, discriminator, adversarial, cycle, identity, pool),
        batches=unpaired,
        paired=False,
    )


def unpaired(data: Dataset, size: int, seed: int) -> Unpaired:
    """Batches of both domains, drawn independently."""
    return Unpaired(data.train_a, data.train_b, size, data.augmentation, seed)


def game(
    generator: Generator,
    discriminator: Discriminator,
    adversarial: Adversarial,
    cycle: float,
    identity: float,
    pool: int,
) -> Game:
    """Both directions at once, each with parameters of its own; see `task` for the weights.

    The identity term of a direction is taken in one call with its translation where the generator
    sees each picture by itself, and so are a discriminator's real and fake pictures.
    """

    own = {"cycle": cycle, "identity": cycle * identity}

    def verdict(params, image):
        return discriminator.apply(params, image, momentum=MOMENTUM)

    def generator_terms(generators, discriminators, batch: Batch, key):
        del key
        a, b = batch["a"], batch["b"]
        (fake_b, same_b), measured_ab = apply_each(generator, generators["ab"], [a, b])
        (fake_a, same_a), measured_ba = apply_each(generator, generators["ba"], [b, a])
        fakes = {"a": fake_a.image, "b": fake_b.image}
        again_a = generator.apply(generators["ba"], fakes["b"], momentum=MOMENTUM)
        again_b = generator.apply(generators["ab"], fakes["a"], momentum=MOMENTUM)
        terms = {
            "adversarial_ab": adversarial.generator(verdict(discriminators["b"], fakes["b"])),
            "adversarial_ba": adversarial.generator(verdict(discriminators["a"], fakes["a"])),
            "cycle_a": cycle * l1_loss(again_a.image, a),
            "cycle_b": cycle * l1_loss(again_b.image, b),
            "identity_a": cycle * identity * l1_loss(same_a.image, a),
            "identity_b": cycle * identity * l1_loss(same_b.image, b),
        }
        taps = {"a": fake_a.taps, "b": fake_b.taps}
        return terms, Made(fakes, {"ab": measured_ab, "ba": measured_ba}, taps)

    weights = {f"{term}_{domain}": w for domain in "ab" for term, w in own.items()}
    return duet(generator, discriminator, adversarial, generator_terms, pool=pool, weights=weights)
