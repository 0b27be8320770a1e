"""Evolutionary search under a hard budget, and complete enumeration of small spaces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np

from ganc.errors import UserError
from ganc.ranges import check, number, whole
from ganc.search.space import Space, encode, favour_small
from ganc.types import Arch

Evaluate = Callable[[Sequence[Arch]], Sequence[float]]
"""Scores many architectures at once; lower is better."""


class Candidate(NamedTuple):
    """A scored architecture.

    Attributes:
        arch: its entries.
        macs: what the budget limits.
        score: lower is better.
        generation: the generation that first met it.
    """

    arch: Arch
    macs: int
    score: float
    generation: int


@dataclass(frozen=True)
class Evolution:
    """The settings of `evolve`; the defaults are the published ones.

    Attributes:
        population: candidates of the first generation.
        generations: further generations.
        parents: fraction of the population that survives as parents.
        mutants: fraction of the population that is made anew by mutation; the rest of the
            population by crossover.
        mutation: probability that a mutant's entry is drawn anew.
        favour: how many times likelier the narrowest width is than the widest when the first
            generation is drawn.
        geometric: whether those likelihoods rise geometrically instead of linearly.

    Reference: Li et al. 2020 (arXiv 2003.08936), section on evolutionary search; released code.
    """

    population: Annotated[int, whole(2, 10**6)] = 100
    generations: Annotated[int, whole(0, 10**6)] = 500
    parents: Annotated[float, number(0, 1)] = 0.25
    mutants: Annotated[float, number(0, 1)] = 0.5
    mutation: Annotated[float, number(0, 1)] = 0.2
    favour: Annotated[float, number(1, 1e6)] = 1.0
    geometric: bool = False

    def __post_init__(self) -> None:
        check(self, prefix="")


# A draw that misses the budget is tried again, this many times before it is given up.
_TRIES = 10_000


def check_budget(space: Space, macs: Callable[[Arch], int], budget: int) -> None:
    """Raises `UserError`, with the smallest possible cost, if no architecture fits `budget`."""
    least = int(macs(space.smallest))
    if least > budget:
        raise UserError(
            f"no architecture fits a budget of {budget:,} MACs; the smallest, "
            f"{encode(space.smallest)}, takes {least:,}"
        )


def evolve(
    rng: np.random.Generator,
    space: Space,
    evaluate: Evaluate,
    macs: Callable[[Arch], int],
    budget: int,
    settings: Evolution,
    on_generation: Callable[[int, Sequence[Candidate]], None] | None = None,
) -> list[Candidate]:
    """Searches `space` for the best score within `budget`.

    Every architecture is scored once; all that were scored are returned, in order. With the same
    generator and scores the course of the search is the same, so an `evaluate` that remembers
    earlier scores resumes an interrupted search exactly.

    Args:
        rng: the only source of randomness.
        space: where to search.
        evaluate: called once per generation with the new architectures.
        macs: the cost of an architecture.
        budget: hard limit of the cost.
        settings: population, generations and rates.
        on_generation: told the generation and its new candidates.

    Raises:
        UserError: if no architecture fits the budget.
    """
    check_budget(space, macs, budget)
    known: dict[Arch, Candidate] = {}

    def score(archs: Sequence[Arch], generation: int) -> None:
        new = [arch for arch in dict.fromkeys(archs) if arch not in known]
        scores = evaluate(new) if new else []
        for arch, value in zip(new, scores, strict=True):
            known[arch] = Candidate(arch, int(macs(arch)), float(value), generation)
        if on_generation is not None:
            on_generation(generation, [known[arch] for arch in new])

    population = draw_within(rng, space, macs, budget, settings, settings.population)
    score(population, 0)
    for generation in range(1, settings.generations + 1):
        ranked = sorted(dict.fromkeys(population), key=lambda arch: known[arch].score)
        parents = ranked[: max(1, round(settings.parents * settings.population))]
        mutants = round(settings.mutants * settings.population)
        children = []
        for child in range(settings.population):
            breed = _mutate if child < mutants else _cross
            draw = _breed(breed, rng, space, parents, settings.mutation)
            children.append(_within(draw, space, macs, budget))
        population = parents + children
        score(population, generation)
    return list(known.values())


def draw_within(
    rng: np.random.Generator,
    space: Space,
    macs: Callable[[Arch], int],
    budget: int,
    settings: Evolution,
    count: int,
) -> list[Arch]:
    """`count` architectures within `budget`, drawn as the first generation is."""
    weights = favour_small(space, settings.favour, settings.geometric)
    return [_within(lambda: space.sample(rng, weights), space, macs, budget) for _ in range(count)]


def _within(
    draw: Callable[[], Arch], space: Space, macs: Callable[[Arch], int], budget: int
) -> Arch:
    for _ in range(_TRIES):
        arch = draw()
        if macs(arch) <= budget:
            return arch
    return space.smallest  # the budget leaves next to nothing, and this certainly fits


def _breed(breed, rng, space, parents, probability) -> Callable[[], Arch]:
    # A child that misses the budget is bred again from the same parents.
    first, second = (parents[rng.integers(len(parents))] for _ in range(2))
    return lambda: breed(rng, space, first, second, probability)


def _mutate(rng, space: Space, first: Arch, second: Arch, probability: float) -> Arch:
    del second
    drawn, change = space.sample(rng), rng.random(len(first)) < probability
    return tuple(new if c else old for new, old, c in zip(drawn, first, change, strict=True))


def _cross(rng, space: Space, first: Arch, second: Arch, probability: float) -> Arch:
    del space, probability
    return tuple(
        one if c else other
        for one, other, c in zip(first, second, rng.random(len(first)) < 0.5, strict=True)
    )


def enumerate_all(
    space: Space, evaluate: Evaluate, macs: Callable[[Arch], int], budget: int
) -> list[Candidate]:
    """Scores every architecture within `budget`: for spaces small enough to afford it."""
    check_budget(space, macs, budget)
    archs = [arch for arch in space if macs(arch) <= budget]
    return [
        Candidate(arch, int(macs(arch)), float(value), 0)
        for arch, value in zip(archs, evaluate(archs), strict=True)
    ]
