"""The stages of once-for-all compression that no task changes: supernet, search, specialise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import jax
import numpy as np
import optax

from ganc import channels
from ganc.data.batches import Batch
from ganc.errors import UserError
from ganc.methods import once_for_all as ofa
from ganc.metrics import cost
from ganc.runs import records
from ganc.runs.console import console, progress
from ganc.runs.workdir import Workdir
from ganc.search.candidates import make_evaluate, make_generate
from ganc.search.classes import ShapeClasses, shape_classes
from ganc.search.evolution import (
    Candidate,
    Evolution,
    check_budget,
    draw_within,
    enumerate_all,
    evolve,
)
from ganc.search.fitness import Fitness, Score
from ganc.search.space import CHOICES, Space, decode_choices, encode
from ganc.train import loop, sharding
from ganc.train.schedule import linear_decay
from ganc.types import Arch, Generator, Params, TrainState

# What one compilation costs, in multiply-adds that could have been done meanwhile: 2 s for a
# candidate's forward pass and 5 s for a student's gradient, at 3e10 a second, as measured on two
# CPU cores. Constants, because classes chosen by measured times would make two runs of one seed
# differ in their last bits.
COMPILE_FORWARD = 6e10
COMPILE_GRADIENT = 1.5e11
# Architectures drawn to stand for all that training or search will meet.
SAMPLE = 256


@dataclass(frozen=True)
class Training:
    """One training stage."""

    batch: int = 1
    """pictures per step"""
    constant_steps: int = 242_800  # 200 epochs of 1,214 pictures: horse2zebra's train1
    """steps at the full learning rate"""
    decay_steps: int = 242_800
    """steps over which it then falls to almost zero"""
    learning_rate: float = 2e-4
    """of Adam (0.5, 0.999)"""
    sampling: ofa.Sampling = "uniform"
    """architectures of a step: one at random, or also the largest and the smallest"""
    checkpoint_every: int = 500
    """steps between checkpoints"""

    @property
    def steps(self) -> int:
        """All of them."""
        return self.constant_steps + self.decay_steps


@dataclass(frozen=True)
class Search:
    """The search for the student; defaults: horse2zebra, Fast pipeline."""

    strategy: Literal["evolution", "exhaustive"] = "evolution"
    """exhaustive: every architecture within the budget, for small spaces"""
    budget: float = 3e9
    """most multiply-adds of one picture at `size`, published convention"""
    fitness: Fitness = "kid"
    """what is minimised on the search split: kid, fd, or l1 to the teacher"""
    pictures: int = 120
    """pictures of the search split that score a candidate"""
    feature_size: int = 128
    """px at which Lite0 features are taken"""
    batch: int = 1024
    """pictures in one call, over all its candidates; 16 suit the cache of a CPU"""
    evolution: Evolution = field(default_factory=lambda: Evolution(mutation=0.4, favour=2.0))
    """population, generations and rates"""


def make_space(text: str, generator: Generator) -> Space:
    """The space called `text`, or with the widths `text` lists, in every slot of `generator`."""
    choices = CHOICES.get(text) or decode_choices(text, len(generator.slots), tuple(CHOICES))
    if len(choices) != len(generator.slots):
        raise UserError(
            f"architectures of the space {text} have {len(choices)} entries, "
            f"those of the student {len(generator.slots)}"
        )
    space = Space(generator.slots, choices)
    for group, width in space.widths(space.largest).items():
        if width > generator.widths[group]:
            raise UserError(
                f"the space {text} reaches {width} channels in {group}, but the student has "
                f"{generator.widths[group]}; choose a larger --ngf or a narrower space"
            )
    return space


def train(
    method: ofa.OnceForAll,
    state: TrainState,
    teacher: Params,
    batches: Callable[[int], Batch],
    classes: ShapeClasses,
    settings: Training,
    optimizer: optax.GradientTransformation,
    work: Workdir,
    name: str,
    seed: int,
) -> TrainState:
    """Trains a supernet, or one architecture of it, over the local devices that split the batch."""
    mesh = sharding.data_mesh(settings.batch)
    step = ofa.make_step(
        method,
        optimizer,
        sharding.replicate(teacher, mesh),
        classes,
        sampling=settings.sampling,
        seed=seed,
    )
    return loop.run(
        step,
        sharding.replicate(state, mesh),
        batches,
        steps=settings.steps,
        directory=work.path / "checkpoints" / name,
        log=work.metrics,
        name=name,
        place=lambda batch: jax.device_put(batch, sharding.split(mesh)),
        log_every=min(50, settings.checkpoint_every),
        checkpoint_every=settings.checkpoint_every,
    )


def make_optimizer(settings: Training) -> optax.GradientTransformation:
    """Adam with the linear fall of the learning rate."""
    schedule = linear_decay(settings.learning_rate, settings.constant_steps, settings.decay_steps)
    return optax.adam(schedule, b1=0.5, b2=0.999)


def training_classes(
    space: Space, student: Generator, size: int, settings: Training, seed: int
) -> ShapeClasses:
    """Shape classes for architectures drawn uniformly, weighed by the length of the training."""
    rng = np.random.default_rng([seed, 1])
    archs = [space.sample(rng) for _ in range(SAMPLE)]
    # Forward and backward take about three times the forward pass.
    pictures = 3 * settings.batch * settings.steps / SAMPLE
    price = cost.macs(student, size, size, "true")
    return shape_classes(space, archs, price, COMPILE_GRADIENT / pictures, limit=16)


def search_classes(
    space: Space, student: Generator, size: int, settings: Search, seed: int
) -> ShapeClasses:
    """Shape classes for architectures within the budget, weighed by the length of the search."""
    rng, macs = np.random.default_rng([seed, 2]), macs_of(space, student, size)
    archs = draw_within(rng, space, macs, int(settings.budget), settings.evolution, SAMPLE)
    evolution = settings.evolution
    scored = min(space.size, evolution.population * (evolution.generations + 1))
    pictures = settings.pictures * scored / SAMPLE
    price = cost.macs(student, size, size, "true")
    return shape_classes(space, archs, price, COMPILE_FORWARD / pictures)


def search(
    space: Space,
    student: Generator,
    params: Params,
    pictures: np.ndarray,
    score: Score,
    settings: Search,
    work: Workdir,
    seed: int,
) -> list[Candidate]:
    """All that was scored; each generation is on disk before the next begins."""
    size, path = pictures.shape[1], work.path / "search.jsonl"
    macs, budget = macs_of(space, student, size), int(settings.budget)
    true = cost.macs(student, size, size, "true")
    classes = search_classes(space, student, size, settings, seed)
    generate = make_generate(student, classes, settings.batch)
    rows = records.read(path)
    known = {row["arch"]: row["score"] for row in rows}
    if rows and "search" not in work.stages():
        console.print(f"search: {len(rows)} candidates were scored before")

    with progress() as bar:
        task = bar.add_task("search", total=None, note="")

        def tick(value: float) -> float:
            bar.advance(task)
            return value

        evaluate = make_evaluate(generate, params, pictures, lambda images: tick(score(images)))

        def remembered(archs: Sequence[Arch]) -> list[float]:
            new = [arch for arch in archs if encode(arch) not in known]
            known.update(zip(map(encode, new), evaluate(new), strict=True))
            return [known[encode(arch)] for arch in archs]

        def save(generation: int, candidates: Sequence[Candidate]) -> None:
            written = {row["arch"] for row in rows}
            rows.extend(
                {
                    "arch": encode(c.arch),
                    "macs": {"published": c.macs, "true": int(true(space.widths(c.arch)))},
                    "score": c.score,
                    "generation": generation,
                }
                for c in candidates
                if encode(c.arch) not in written
            )
            records.write(path, rows)
            bar.update(task, note=f"best {min(row['score'] for row in rows):.5f}")

        if settings.strategy == "exhaustive":
            found = enumerate_all(space, remembered, macs, budget)
            save(0, found)
            return found
        rng = np.random.default_rng([seed, 3])
        return evolve(rng, space, remembered, macs, budget, settings.evolution, save)


def check_space(space: Space, student: Generator, size: int, settings: Search) -> None:
    """Raises `UserError` before anything is trained if no architecture fits the budget."""
    check_budget(space, macs_of(space, student, size), int(settings.budget))


def macs_of(space: Space, student: Generator, size: int) -> Callable[[Arch], int]:
    """Architecture -> multiply-adds of one picture of `size` px, published convention."""
    count = cost.macs(student, size, size)
    return lambda arch: int(count(space.widths(arch)))


def masked_minus_sliced(
    student: Generator, params: Params, space: Space, arch: Arch, pictures: np.ndarray
) -> float:
    """The largest difference between the masked supernet and the cut-out subnet, in [-1, 1]."""
    masks = channels.masks(channels.prefix(space.widths(arch)), student.widths)
    sliced = channels.slice_params(params, student.axes, channels.prefix(space.widths(arch)))
    one = jax.jit(lambda p, x: student.apply(p, x, masks=masks).image)(params, pictures)
    other = jax.jit(lambda p, x: student.apply(p, x).image)(sliced, pictures)
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())
