"""Which shape classes a training or a search compiles, by what compilation and waste cost."""

import numpy as np

from ganc.search.classes import ShapeClasses, shape_classes
from ganc.search.evolution import Evolution, Price, draw_within
from ganc.search.supernet import Supernet

COMPILE_FORWARD = 6e10
"""What compiling a candidate's forward pass costs, in multiply-adds that could have been done
meanwhile: 2 s at 3e10 a second, as measured on two CPU cores. A constant, because classes chosen by
measured times would make two runs of one seed differ in their last bits."""

COMPILE_GRADIENT = 1.5e11
"""The same of a student's gradient: 5 s."""

SAMPLE = 256
"""Architectures drawn to stand for all that a training or a search will meet."""


def training_classes(supernet: Supernet, pictures: int, seed: int) -> ShapeClasses:
    """Shape classes for architectures drawn uniformly.

    Args:
        supernet: what is trained.
        pictures: that the training will see, of all steps together.
        seed: of the sample.
    """
    rng, space = np.random.default_rng([seed, 1]), supernet.space
    archs = [space.sample(rng) for _ in range(SAMPLE)]
    # Forward and backward take about three times the forward pass.
    runs = 3 * pictures / SAMPLE
    return shape_classes(space, archs, supernet.true, COMPILE_GRADIENT / runs, limit=16)


def search_classes(
    supernet: Supernet,
    budget: float,
    evolution: Evolution,
    pictures: int,
    seed: int,
    price: Price | None = None,
) -> ShapeClasses:
    """Shape classes for architectures within a budget.

    Args:
        supernet: what is searched.
        budget: what a candidate may cost.
        evolution: how long the search is, and how its first generation is drawn.
        pictures: that score a candidate.
        seed: of the sample.
        price: what it costs; multiply-adds, published convention, by default.
    """
    rng, space = np.random.default_rng([seed, 2]), supernet.space
    archs = draw_within(rng, space, price or supernet.macs, budget, evolution, SAMPLE)
    scored = min(space.size, evolution.population * (evolution.generations + 1))
    runs = pictures * scored / SAMPLE
    return shape_classes(space, archs, supernet.true, COMPILE_FORWARD / runs)
