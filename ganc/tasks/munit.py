"""Unpaired translation into many styles: a picture keeps its content and takes a style.

Reference: Huang et al. 2018 (arXiv 1804.04732), equations 2 to 5; Li et al. 2020 (arXiv 2003.08936)
for the one direction that is compressed.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict

from ganc.data.batches import Rows, Unpaired
from ganc.data.dataset import Dataset
from ganc.losses.adversarial import LEAST_SQUARES, Adversarial
from ganc.losses.reconstruction import l1_loss
from ganc.models import munit
from ganc.tasks.duet import duet
from ganc.tasks.task import Batch, Game, Inputs, Made, Task
from ganc.tasks.terms import adversarial_alone, adversarial_and_l1
from ganc.types import Discriminator, Generator

SUMMED = dataclasses.replace(LEAST_SQUARES, scales="sum", halved=False)
"""Least squares, added over scales; the discriminator's two terms are not halved."""


def task(
    discriminator: Discriminator,
    *,
    adversarial: Adversarial = SUMMED,
    reconstruction: float = 10.0,
    image: float = 10.0,
    content: float = 1.0,
    style: float = 1.0,
    cycle: float = 0.0,
    style_dim: int = 8,
) -> Task:
    """The direction a -> b: a student matches its teacher's pictures in the same styles.

    In odd steps both players of a distillation take the style of a real picture of b, each as its
    own encoder has it; in even steps both take the same numbers, drawn from N(0, 1).

    Args:
        discriminator: judges one domain, pictures alone, at several scales.
        adversarial: least squares, as published.
        reconstruction: weight of the mean |student - teacher|.
        image: in training from scratch, weight of $|G_a(c_a, s_a) - a|$: a picture decoded from its
            own content and style.
        content: there, of $|E^c_b(G_b(c_a, z)) - c_a|$.
        style: there, of $|E^s_b(G_b(c_a, z)) - z|$.
        cycle: there, of $|G_a(E^c_b(G_b(c_a, z)), s_a) - a|$; 0: none, as published.
        style_dim: numbers in a style.
    """

    def inputs(batch: Batch, key: jax.Array) -> Inputs:
        options = {
            "style": jax.random.normal(key, (len(batch["a"]), style_dim)),
            "reference": batch["b"],
            "encoded": batch["encoded"],
        }
        return Inputs(batch["a"], FrozenDict(options))

    return Task(
        name="munit",
        discriminator=discriminator,
        inputs=inputs,
        real=lambda batch: batch["b"],
        target=lambda batch, image: image,
        shown=lambda batch, image: image,
        generator_terms=adversarial_and_l1(adversarial, reconstruction),
        discriminator_terms=adversarial_alone(adversarial),
        play=lambda generator: game(
            generator, discriminator, adversarial, (image, content, style, cycle)
        ),
        batches=Alternating,
        paired=False,
        styled=lambda count: {"style": styles(count, style_dim)},
    )


def styles(count: int, style_dim: int) -> np.ndarray:
    """The random styles (count style_dim) in which pictures are scored: always the same."""
    return np.random.default_rng(0).standard_normal((count, style_dim), np.float32)


class Alternating:
    """Batches of both domains, drawn independently, and whether styles are encoded in a step."""

    def __init__(self, data: Dataset, size: int, seed: int):
        self._pictures = Unpaired(data.train_a, data.train_b, size, data.augmentation, seed)

    def __call__(self, step: int, rows: Rows = None) -> Batch:
        """`Unpaired`'s batch, and "encoded" (size), true in odd steps."""
        batch = self._pictures(step, rows)
        return batch | {"encoded": np.full(len(batch["a"]), step % 2 == 1)}


def game(
    generator: Generator,
    discriminator: Discriminator,
    adversarial: Adversarial,
    weights: tuple[float, float, float, float],
) -> Game:
    """Both directions at once; `weights` are those of image, content, style and cycle.

    A generator is the assembled one of its direction: "ab" encodes the content of a and has the
    style encoder, the mapping and the decoder of b; "ba" has the others.

    Differs from the reference: the discriminators learn from the pictures that the generators do,
    not from others in fresh styles.
    """
    w_image, w_content, w_style, w_cycle = weights
    back = {"a": "ba", "b": "ab"}  # domain -> the generator whose pictures are of it
    forth = {"a": "ab", "b": "ba"}

    def generator_terms(generators, discriminators, batch: Batch, key):
        def content_of(domain, x):
            return munit.encode_content(generator, generators[forth[domain]], x)

        def style_of(domain, x):
            return munit.encode_style(generator, generators[back[domain]], x)

        def decode(domain, contents, given):  # several at once: each is decoded by itself
            joined = (jnp.concatenate(contents), jnp.concatenate(given))
            pictures = munit.decode(generator, generators[back[domain]], *joined)
            return jnp.split(pictures, len(contents))

        real = {domain: batch[domain] for domain in "ab"}
        contents = {domain: content_of(domain, real[domain]) for domain in "ab"}
        own = {domain: style_of(domain, real[domain]) for domain in "ab"}
        keys = dict(zip("ab", jax.random.split(key), strict=True))
        terms, fakes, again = {}, {}, {}
        for domain, other in ("ab", "ba"):
            drawn = jax.random.normal(keys[domain], own[domain].shape)
            same, fakes[domain] = decode(
                domain, [contents[domain], contents[other]], [own[domain], drawn]
            )
            # The fake has the content of a picture of the other domain.
            again[other] = content_of(domain, fakes[domain])
            logits = discriminator.apply(discriminators[domain], fakes[domain])
            terms |= {
                f"adversarial_{other}{domain}": adversarial.generator(logits),
                f"image_{domain}": w_image * l1_loss(same, real[domain]),
                f"content_{other}": w_content * l1_loss(again[other], contents[other]),
                f"style_{domain}": w_style * l1_loss(style_of(domain, fakes[domain]), drawn),
            }
        for domain in "ab" if w_cycle else "":
            (whole,) = decode(domain, [again[domain]], [own[domain]])
            terms[f"cycle_{domain}"] = w_cycle * l1_loss(whole, real[domain])
        return terms, Made(fakes, {"ab": FrozenDict(), "ba": FrozenDict()})

    named = zip(("image", "content", "style", "cycle"), weights, strict=True)
    per_term = {f"{term}_{domain}": w for term, w in named for domain in "ab"}
    return duet(generator, discriminator, adversarial, generator_terms, weights=per_term)
