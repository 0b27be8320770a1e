"""What a family of tasks optimises, as values of pure functions.

A `Task` is one translation, from what a generator is given to a picture: every method that
compresses takes one, and names neither the task nor the networks. A `Game` is how networks for a
task are trained from scratch: for most tasks that of the task itself (`solo`), for unpaired ones a
game of two generators.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
from flax.core import FrozenDict

from ganc.data.dataset import Dataset
from ganc.data.labels import LabelMaps
from ganc.models.statistics import MOMENTUM, apply_each
from ganc.types import Discriminator, Generator, Params, Verdict

Batch = dict[str, Any]
"""Name -> arrays that hold a picture, or what goes with one, in each row."""

Terms = dict[str, jax.Array]
"""Name -> weighted scalar, in the order in which they are added."""

Judge = Callable[[jax.Array], Verdict]
"""Pictures (b h w 3) -> what the discriminator makes of them."""


class Inputs(NamedTuple):
    """What a generator is given.

    Attributes:
        x: pictures or label maps (b h w c).
        options: a family's own inputs by name, such as MUNIT's `style`.
    """

    x: jax.Array
    options: Mapping[str, Any] = FrozenDict()


@dataclass(frozen=True, eq=False)
class Task:
    """One translation.

    Attributes:
        name: what people call it.
        discriminator: judges pictures of the target domain, alone or beside the source.
        inputs: `(batch, key) -> Inputs`.
        real: `batch -> pictures` of the target domain.
        target: `(batch, image) -> pictures` that a student's should match, where `image` are its
            teacher's: the truth, or these.
        shown: `(batch, image) -> ` what the discriminator sees of a picture.
        generator_terms: `(judge, batch, image, target) -> Terms` of a generator's pictures.
        discriminator_terms: `(real, fake) -> Terms` of the verdicts on real pictures and on fakes.
        play: `generator -> Game`, how such a generator is trained from scratch.
        batches: `(data, size, seed) -> (step -> Batch)`, `size` being pictures in a batch.
        paired: whether it trains on pairs of aligned pictures.
        metrics: names of the scores that say something about its pictures.
        styled: `n -> ` a family's own inputs by name, with which n pictures are scored.
        labels: what the label maps hold that it translates; None where it translates pictures.
        weights: term -> the weight that its value contains, of those that have one.
    """

    name: str
    discriminator: Discriminator
    inputs: Callable[[Batch, jax.Array], Inputs]
    real: Callable[[Batch], jax.Array]
    target: Callable[[Batch, jax.Array], jax.Array]
    shown: Callable[[Batch, jax.Array], jax.Array]
    generator_terms: Callable[[Judge, Batch, jax.Array, jax.Array], Terms]
    discriminator_terms: Callable[[Verdict, Verdict], Terms]
    play: Callable[[Generator], "Game"]
    batches: Callable[[Dataset, int, int], Callable[[int], Batch]]
    paired: bool
    metrics: tuple[str, ...] = ("kid", "fd", "l1", "psnr", "ssim")
    styled: Callable[[int], Mapping[str, Any]] = lambda count: FrozenDict()
    labels: LabelMaps | None = None
    weights: Mapping[str, float] = FrozenDict()

    def judge(self, params: Params, batch: Batch, image: jax.Array) -> Verdict:
        """The discriminator's verdict on pictures (b h w 3) made from `batch`, as it trains.

        Its statistics are dropped: they are measured where the discriminator learns.
        """
        return self.discriminator.apply(params, self.shown(batch, image), momentum=MOMENTUM)

    def tell_apart(self, params: Params, batch: Batch, fake: jax.Array) -> tuple[Terms, Params]:
        """The discriminator's terms on the real pictures of `batch` and on `fake` ones.

        Returns: the terms, and the discriminator's statistics after both.
        """
        pictures = [self.shown(batch, image) for image in (self.real(batch), fake)]
        (real, made), statistics = apply_each(self.discriminator, params, pictures)
        return self.discriminator_terms(real, made), statistics


class Made(NamedTuple):
    """What comes of the generators' turn beside their terms.

    Attributes:
        fakes: name -> pictures for the discriminators.
        statistics: of the generators, in their structure.
        taps: name -> the activations behind those pictures, where they were drawn from the task's
            `inputs`, so that students may learn from them.
    """

    fakes: Mapping[str, jax.Array]
    statistics: Params
    taps: Mapping[str, Mapping[str, jax.Array]] = FrozenDict()


@dataclass(frozen=True, eq=False)
class Game:
    """Two players that train each other from scratch.

    Attributes:
        init: `key -> {"generator": {"ab": ...}, "discriminator": {"b": ...}}`, with "ba" and "a" in
            games that translate both ways.
        generator_terms: `(generators, discriminators, batch, key) -> (Terms, Made)`.
        discriminator_terms: `(discriminators, batch, fakes) -> (Terms, statistics)`.
        fakes: the names of the fakes.
        measured: player -> the paths of its parameters that training measures and does not learn.
        pool: past fakes of each name that the discriminators are shown too.
        weights: as in `Task`.
    """

    init: Callable[[jax.Array], dict[str, Params]]
    generator_terms: Callable[[Params, Params, Batch, jax.Array], tuple[Terms, Made]]
    discriminator_terms: Callable[[Params, Batch, Mapping[str, jax.Array]], tuple[Terms, Params]]
    fakes: tuple[str, ...]
    measured: Mapping[str, frozenset[str]]
    pool: int = 0
    weights: Mapping[str, float] = FrozenDict()


def solo(task: Task, generator: Generator) -> Game:
    """The game of one generator and one discriminator, for tasks whose `target` is the truth."""

    def init(key: jax.Array) -> dict[str, Params]:
        k_generator, k_discriminator = jax.random.split(key)
        return {
            "generator": {"ab": generator.init(k_generator)},
            "discriminator": {"b": task.discriminator.init(k_discriminator)},
        }

    def generator_terms(generators, discriminators, batch, key):
        x, options = task.inputs(batch, key)
        output = generator.apply(generators["ab"], x, momentum=MOMENTUM, **options)
        terms = task.generator_terms(
            lambda image: task.judge(discriminators["b"], batch, image),
            batch,
            output.image,
            task.target(batch, task.real(batch)),
        )
        return terms, Made({"b": output.image}, {"ab": output.statistics}, {"b": output.taps})

    def discriminator_terms(discriminators, batch, fakes):
        terms, statistics = task.tell_apart(discriminators["b"], batch, fakes["b"])
        return terms, {"b": statistics}

    measured = {
        "generator": under("ab", generator.statistics),
        "discriminator": under("b", task.discriminator.statistics),
    }
    fakes = ("b",)
    return Game(init, generator_terms, discriminator_terms, fakes, measured, weights=task.weights)


def under(place: str, paths: frozenset[str]) -> frozenset[str]:
    """The `paths` of a tree that stands at `place` of another."""
    return frozenset(f"{place}/{path}" for path in paths)
