"""Online multi-granularity distillation: a student imitates teachers that are still learning.

The teachers play the game of their task, a wider one and, where wanted, a deeper one, before one
discriminator that may have a branch for each. The student has no discriminator and sees no truth:
its pictures should look like those of every teacher, and its channels should be as active as those
of the first. With teachers that are given it learns offline from them, frozen. A student may be a
supernet: then one architecture of it learns in every step, and they are searched afterwards.

Reference: Ren et al. 2021 (arXiv 2108.06908); Li et al. 2020 (arXiv 2003.08936) for supernets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
from flax.core import FrozenDict

from ganc.features.perceptual import Perceptual
from ganc.losses.channel_distillation import ChannelDistil, init_channel_adaptors
from ganc.losses.imitation import Imitation
from ganc.methods.update import Optimizers, begin, generators_of
from ganc.tasks import pool
from ganc.tasks.task import Game, Task, under
from ganc.types import Generator, Model, Params, TrainState


@dataclass(frozen=True, eq=False)
class Omgd:
    """The objective.

    Attributes:
        task: what is translated.
        student: what is kept.
        teachers: name -> generator; the channels of the first are distilled.
        perceptual: in whose features pictures are compared.
        imitation: the weights of the comparison with each teacher.
        channels: how channels are distilled.
        games: name -> how that teacher is trained meanwhile; its direction "ab" is the teacher.
            All games are played before the same discriminators. Without games the teachers are
            frozen.
    """

    task: Task
    student: Generator
    teachers: Mapping[str, Generator]
    perceptual: Perceptual
    imitation: Imitation = Imitation()
    channels: ChannelDistil = ChannelDistil()
    games: Mapping[str, Game] = FrozenDict()

    def __post_init__(self) -> None:
        if not self.teachers or (self.games and set(self.games) != set(self.teachers)):
            raise ValueError(
                "every teacher needs a game, or none has one; the teachers are "
                f"{list(self.teachers)}, the games {list(self.games)}"
            )

    @property
    def first(self) -> str:
        """The teacher whose channels are distilled."""
        return next(iter(self.teachers))

    @property
    def roles(self) -> tuple[str, ...]:
        """Who is trained, and needs an optimiser."""
        return ("generator", "teacher", "discriminator") if self.games else ("generator",)

    @property
    def measured(self) -> dict[str, frozenset[str]]:
        """Role -> paths of its parameters that training measures."""
        found = {"generator": under("student", self.student.statistics)}
        for name, game in self.games.items():
            paths = under(name, game.measured["generator"])
            found["teacher"] = found.get("teacher", frozenset()) | paths
            found["discriminator"] = game.measured["discriminator"]
        return found


def init(
    method: Omgd,
    key: jax.Array,
    optimizers: Optimizers,
    shape: tuple[int, int, int],
    *,
    average: float = 0.0,
) -> TrainState:
    """Everybody from scratch, and empty pools for fakes of `shape` (h, w, c)."""
    k_student, k_adaptors, k_teachers = jax.random.split(key, 3)
    first = method.teachers[method.first]
    params: dict[str, Params] = {
        "generator": {
            "student": method.student.init(k_student),
            "adaptors": init_channel_adaptors(method.channels, k_adaptors, method.student, first),
        }
    }
    pools: dict[str, Any] = {}
    for index, (name, game) in enumerate(method.games.items()):
        players = game.init(jax.random.fold_in(k_teachers, index))
        params.setdefault("teacher", {})[name] = players["generator"]
        params.setdefault("discriminator", players["discriminator"])
        pools[name] = {fake: pool.init(game.pool, shape) for fake in game.fakes}
    return begin(params, optimizers, average=bool(average), pools=pools)


def freeze(method: Omgd, teachers: Mapping[str, Params] | None = None) -> dict[str, Params]:
    """What a step takes and never changes: the perceptual network, and given teachers by name."""
    return {"features": method.perceptual.params, "teachers": dict(teachers or {})}


def student_of(method: Omgd, state: TrainState) -> Model:
    """The student, of its running average where one was kept."""
    return Model(method.student, generators_of(state)["student"])


def teachers_of(method: Omgd, state: TrainState) -> dict[str, Model]:
    """The teachers that were trained, by name."""
    return {
        name: Model(method.teachers[name], state.params["teacher"][name]["ab"])
        for name in method.games
    }
