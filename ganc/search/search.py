"""A search that resumes: what was scored is on disk before the next generation begins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import jax
import numpy as np
from flax.core import FrozenDict

from ganc.ranges import number, whole
from ganc.runs import records
from ganc.runs.console import console, progress
from ganc.search.candidates import make_evaluate, make_generate
from ganc.search.evolution import Candidate, Evolution, Price, check_budget, enumerate_all, evolve
from ganc.search.fitness import Fitness, Score
from ganc.search.latency import LATENCY, latency_price
from ganc.search.plan import search_classes
from ganc.search.space import encode
from ganc.search.supernet import Supernet
from ganc.types import Arch, Params

SEARCH = "search.jsonl"
"""The file of a run that keeps what its search scored."""


Limit = Literal["macs", "params", "latency_ms"]


@dataclass(frozen=True)
class Search:
    """The search for the student; defaults: horse2zebra, Fast pipeline."""

    strategy: Literal["evolution", "exhaustive"] = "evolution"
    """exhaustive: every architecture within the budget, for small spaces"""
    limit: Limit = "macs"
    """what the budget limits and the front weighs against the score: multiply-adds of one picture
    at `size`, published convention; params; or latency_ms of one picture on this device, by a table
    that is measured once and then belongs to the run"""
    budget: Annotated[float, number(0, 1e15)] = 3e9
    """the most of it that a student may have"""
    fitness: Fitness = "kid"
    """what is minimised on the search split: kid, fd, or l1 to the teacher"""
    pictures: Annotated[int, whole(2, 10**6)] = 120
    """pictures of the search split that score a candidate"""
    feature_size: Annotated[int, whole(32, 2048)] = 128
    """px at which Lite0 features are taken"""
    batch: Annotated[int, whole(1, 10**6)] = 1024
    """pictures in one call, over all its candidates; 16 suit the cache of a CPU"""
    evolution: Evolution = field(default_factory=lambda: Evolution(mutation=0.4, favour=2.0))
    """population, generations and rates"""


def read_search(directory: Path) -> list[Candidate]:
    """All that the search of the run in `directory` scored; none if there was none."""
    return [
        Candidate(
            tuple(map(int, row["arch"].split("_"))),
            row["macs"]["published"],
            row["score"],
            row["generation"],
        )
        for row in records.read(directory / SEARCH)
    ]


def check_search(supernet: Supernet, settings: Search) -> None:
    """Raises `UserError` before anything is trained if no architecture fits the budget.

    A budget of latency is checked when latencies are measured.
    """
    if settings.limit != "latency_ms":
        check_budget(supernet.space, _counted(supernet, settings.limit), settings.budget)


def price_of(supernet: Supernet, settings: Search, directory: Path) -> Price:
    """What an architecture costs by `settings.limit`; latencies are those kept in `directory`.

    Raises:
        UserError: no architecture fits the budget.
    """
    if settings.limit == "latency_ms":
        price = latency_price(supernet, directory / LATENCY)
        check_budget(supernet.space, price, settings.budget)
        return price
    return _counted(supernet, settings.limit)


def _counted(supernet: Supernet, limit: Limit) -> Price:
    return supernet.params if limit == "params" else supernet.macs


def search(
    supernet: Supernet,
    params: Params,
    pictures: np.ndarray,
    score: Score,
    settings: Search,
    *,
    path: Path,
    seed: int,
    calibration: np.ndarray | None = None,
    inputs: Mapping[str, np.ndarray] = FrozenDict(),
    check: Callable[[Sequence[jax.stages.Lowered]], None] = lambda programs: None,
) -> list[Candidate]:
    """All that was scored; a repeated call goes on where an earlier one was cut off.

    Args:
        supernet: where to search.
        params: its parameters.
        pictures: what candidates are given, (n h w c).
        score: of a candidate's pictures, lower better.
        settings: strategy, budget, and how candidates share calls.
        path: JSON lines of everything scored: arch, macs in both conventions, score, generation.
        seed: of everything random.
        calibration: see `make_generate`.
        inputs: see `make_generate`.
        check: is given the programs of the largest class of the first candidates, before they are
            run; what they take of memory can be checked, see `ganc.train.footprint`.

    Raises:
        UserError: no architecture fits the budget.
    """
    space, budget = supernet.space, settings.budget
    price = price_of(supernet, settings, path.parent)
    classes = search_classes(supernet, budget, settings.evolution, settings.pictures, seed, price)
    order = classes.classes  # by rising cost
    generate = make_generate(supernet.generator, classes, settings.batch, calibration, inputs)
    rows = records.read(path)
    known = {row["arch"]: row["score"] for row in rows}
    if rows:
        console.print(f"search: {len(rows)} candidates were scored before")

    unchecked = [check]

    with progress("search", done=len(rows)) as bar:

        def tick(value: float) -> float:
            bar.advance()
            return value

        evaluate = make_evaluate(
            generate, params, pictures, lambda images: tick(score(images)), classes.containing
        )

        def remembered(archs: Sequence[Arch]) -> list[float]:
            new = [arch for arch in archs if encode(arch) not in known]
            if new and unchecked:
                largest = max(new, key=lambda arch: order.index(classes.containing(arch)))
                unchecked.pop()(generate.lower(params, pictures, largest))
            known.update(zip(map(encode, new), evaluate(new), strict=True))
            return [known[encode(arch)] for arch in archs]

        def save(generation: int, candidates: Sequence[Candidate]) -> None:
            written = {row["arch"] for row in rows}
            new = (c for c in candidates if encode(c.arch) not in written)
            rows.extend(_row(supernet, settings.limit, candidate, generation) for candidate in new)
            records.write(path, rows)
            bar.update(len(rows), note=f"best {min(row['score'] for row in rows):.5f}")

        if settings.strategy == "exhaustive":
            found = enumerate_all(space, remembered, price, budget)
            save(0, found)
            return found
        rng = np.random.default_rng([seed, 3])
        return evolve(rng, space, remembered, price, budget, settings.evolution, save)


def _row(supernet: Supernet, limit: Limit, candidate: Candidate, generation: int) -> dict:
    arch = candidate.arch
    row: dict = {
        "arch": encode(arch),
        "macs": {"published": supernet.macs(arch), "true": supernet.true_macs(arch)},
        "score": candidate.score,
        "generation": generation,
    }
    return row if limit == "macs" else row | {limit: candidate.cost}
