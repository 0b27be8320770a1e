"""What benchmarks are made of: rows, the networks that are timed, clocks and random weights."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import _ofa, cyclegan_ofa
from ganc.metrics import cost
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.search.space import Space
from ganc.types import Arch, Discriminator, Generator, Params

Timed = Callable[[], float]
"""Does something once and returns how many seconds it took."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        unit: `ms` (less is better), `.../s` (more is better), `traces`, or `times`, a comparison.
        measured: None where it could not be, for the reason that `note` gives.
        floor: what `measured` would be at the speed of a matrix product; for traces, the classes.
        aim: for a comparison, the least or most that is wanted: ">= 3".
        note: what the reader should know.
    """

    name: str
    unit: str
    measured: float | None
    floor: float | None = None
    aim: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times worse than the floor."""
        if self.measured is None or self.floor is None:
            return None
        worse = self.floor / self.measured if self.unit.endswith("/s") else self.measured
        return worse if self.unit.endswith("/s") else worse / self.floor


@dataclass(frozen=True)
class Setup:
    """The networks that are timed.

    Attributes:
        space: the architectures of `student`.
        size: side of the pictures, px.
    """

    space: Space
    student: Generator
    teacher: Generator
    discriminator: Discriminator
    size: int

    @classmethod
    def of(cls, config: cyclegan_ofa.Config) -> "Setup":
        """The networks of an experiment."""
        teacher = config.train_teacher
        student = resnet.generator(resnet.Spec(config.ngf, config.blocks, separable=True))
        return cls(
            _ofa.make_space(config.space, student),
            student,
            resnet.generator(resnet.Spec(teacher.ngf, teacher.blocks)),
            patch(PatchSpec(config.ndf)),
            config.size,
        )

    def pictures(self, count: int, seed: int = 0) -> np.ndarray:
        """Random ones."""
        shape = (count, self.size, self.size, 3)
        return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)

    def macs(self, generator: Generator, arch: Arch | None = None) -> int:
        """True multiply-adds of one picture."""
        widths = generator.widths if arch is None else self.space.widths(arch)
        return int(cost.macs(generator, self.size, self.size, "true")(widths))

    def judge_macs(self) -> int:
        """Multiply-adds of the discriminator for one picture."""
        return int(cost.macs(self.discriminator, self.size, self.size, "true")({}))

    def supernet_step_macs(self, arch: Arch) -> int:
        """Multiply-adds of a once-for-all step at `arch`, per picture."""
        trunk = self.space.widths(arch)["trunk"] * self.teacher.widths["trunk"]
        adaptors = len(self.student.taps) * (self.size // 4) ** 2 * trunk
        student = self.macs(self.student, arch) + adaptors
        return self.macs(self.teacher) + 3 * student + (2 + 3 * 2) * self.judge_macs()


def timed(call: Callable[[], object]) -> Timed:
    """`call` with its result waited for and its seconds taken."""

    def run() -> float:
        start = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - start

    return run


def take_turns(calls: Mapping[Any, Timed], repeats: int) -> dict[Any, float]:
    """Median seconds of each; they take turns, after a round that is not counted."""
    rounds = [{name: call() for name, call in calls.items()} for _ in range(repeats + 1)]
    return {name: float(np.median([r[name] for r in rounds[1:]])) for name in calls}


def random_params(init: Callable[[jax.Array], Params]) -> Params:
    """What `init` would make, without compiling it: N(0, 0.02) everywhere."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(init, jax.random.key(0))
    return jax.tree.map(lambda s: jnp.asarray(0.02 * rng.normal(size=s.shape), s.dtype), shapes)


def make_product(size: int) -> Timed:
    """The matrix product that floors are made of: `size`^3 multiply-adds."""
    a = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)), jnp.float32)
    product = jax.jit(jnp.matmul)
    return timed(lambda: product(a, a))
