"""What a run is going to do, settled and said before it starts."""

import dataclasses
import math
import re
import time

import jax
import jax.numpy as jnp
import numpy as np

from ganc.compression.settings import Compression
from ganc.data.dataset import Dataset
from ganc.data.pictures import show_size
from ganc.errors import UserError
from ganc.metrics import cost
from ganc.runs.console import console
from ganc.search.search import Search, check_search
from ganc.search.space import encode
from ganc.search.supernet import Supernet
from ganc.train.stage import Training
from ganc.types import Generator

FEW = 50
"""Pictures below which a distance between distributions is mostly noise."""
SLACK = 2.0
"""How many times longer a step takes than its multiply-adds at the rate of a matrix product; the
default run takes 1.5 to 2 times as long."""

GRADIENTS = 3
"""A forward pass and two gradients take about three times the forward pass."""

_BUDGET = re.compile(r"([0-9]+\.?[0-9]*(?:e\+?[0-9]+)?)(x?)", re.I)


def parse_budget(text: str, teacher: int) -> float:
    """The most multiply-adds that `text` stands for: `3e9`, or `10x` for a tenth of the teacher's.

    Raises:
        UserError: it stands for nothing.

    Example:
        >>> parse_budget("3e9", 0), parse_budget("10x", 5_000)
        (3000000000.0, 500.0)
    """
    found = _BUDGET.fullmatch(text.strip())
    value = float(found[1]) if found else 0.0
    if not found or not 1 <= value <= 1e15:
        raise UserError(
            f"--budget takes multiply-adds such as 3e9, or how many times fewer than the "
            f"teacher's, such as 10x; got {text!r}"
        )
    return teacher / value if found[2] else value


def budgeted(search: Search, budget: str, teacher: int) -> Search:
    """`search` held to the multiply-adds that `budget` stands for; an empty one changes nothing.

    Raises:
        UserError: it stands for nothing, or the search counts something else.
    """
    if not budget:
        return search
    if search.limit != "macs":
        raise UserError(
            f"--budget counts multiply-adds; with --search.limit {search.limit} give "
            "--search.budget"
        )
    return dataclasses.replace(search, budget=parse_budget(budget, teacher))


def settle(
    config: Compression, supernet: Supernet, teacher: Generator, data: Dataset
) -> Compression:
    """`config` with what follows from the teacher and the data, and its plan on the console.

    The budget becomes a number; where few pictures are there to search with, candidates are scored
    by their distance to the teacher.

    Raises:
        UserError: the budget is none, or no architecture fits it.
    """
    search = config.search
    whole = int(cost.macs(teacher, *supernet.shape[:2])(teacher.widths))
    search = budgeted(search, config.budget, whole)
    held = min(len(data.search_a), len(data.search_b))
    if not config.arch:
        _check(supernet, search, whole)
        if search.fitness != "l1" and held < FEW:
            console.print(
                f"plan: {held} pictures to search with make {search.fitness} mostly noise; "
                "candidates are scored by their distance to the teacher instead (l1)",
                **_PLAIN,
            )
            search = dataclasses.replace(search, fitness="l1")
    settled = dataclasses.replace(config, search=search)
    _announce(settled, supernet, teacher, whole)
    return settled


_PLAIN: dict = {"markup": False, "highlight": False, "soft_wrap": True}


def _check(supernet: Supernet, search, teacher: int) -> None:
    try:
        check_search(supernet, search)
    except UserError as error:
        if search.limit != "macs":
            raise
        times = teacher / supernet.macs(supernet.space.smallest)
        raise UserError(
            f"{error}; the teacher takes {teacher:,} at {show_size(supernet.shape)} px, so that "
            f"--budget can be {math.floor(10 * times) / 10:g}x at most in this --space"
        ) from error


def _announce(config: Compression, supernet: Supernet, teacher: Generator, whole: int) -> None:
    searched = (
        f"the architecture {encode(supernet.space.largest)}"
        if config.arch
        else f"the best of {supernet.space.size:,} architectures"
    )
    lines = [
        f"the teacher takes {whole:,} multiply-adds of a picture of {show_size(supernet.shape)} px",
        f"the student is {searched}, {_limit(config, supernet, whole)}",
    ]
    if config.pipeline != "scratch":
        stages = (config.supernet, config.fine_tune)
        seconds = estimate(config, supernet, teacher) / _rate() * SLACK
        lines.append(
            f"{' + '.join(f'{stage.steps:,}' for stage in stages)} steps, {_duration(seconds)} on "
            "this machine after the teacher"
        )
    for line in lines:
        console.print(f"plan: {line}", **_PLAIN)


def _limit(config: Compression, supernet: Supernet, teacher: int) -> str:
    if config.search.limit != "macs" and not config.arch:
        return f"{config.search.limit} at most {config.search.budget:g}"
    most = supernet.macs(supernet.space.largest) if config.arch else int(config.search.budget)
    return f"at most {most:,}: {teacher / most:.3g} times fewer"


def estimate(
    config: Compression, supernet: Supernet, teacher: Generator, judged: float = 0.0
) -> float:
    """Multiply-adds of supernet, search and fine-tuning, roughly.

    A step takes the teacher's once and the student's three times, forward and two gradients;
    `judged` are the discriminator's for one picture, which are taken three times too.
    """
    true = cost.macs(teacher, *supernet.shape[:2], "true")
    whole, rng = int(true(teacher.widths)), np.random.default_rng(0)
    mean = float(np.mean([supernet.true_macs(supernet.space.sample(rng)) for _ in range(64)]))

    share = math.prod(config.window) / math.prod(config.sides)

    def training(stage: Training) -> float:
        return stage.pictures * (share * (whole + GRADIENTS * mean) + GRADIENTS * judged)

    evolution = config.search.evolution
    scored = min(supernet.space.size, evolution.population * (evolution.generations + 1))
    searching = 0 if config.arch else scored * config.search.pictures * mean
    return training(config.supernet) + training(config.fine_tune) + searching


def _rate(side: int = 1024) -> float:
    """Multiply-adds a second of a matrix product. It is said, and decides nothing."""
    product, x = jax.jit(lambda x: x @ x), jnp.ones((side, side))
    product(x).block_until_ready()
    start = time.perf_counter()
    for _ in range(3):
        product(x).block_until_ready()
    return 3 * side**3 / (time.perf_counter() - start)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return "a minute or so"
    if seconds < 3600:
        return f"about {seconds / 60:.0f} minutes"
    return f"more than an hour: about {seconds / 3600:,.0f} h"
