"""One architecture out of a supernet: chosen among a shortlist, and trained alone."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ganc import hosts
from ganc.compression.onlooker import seen
from ganc.compression.run import Run
from ganc.compression.settings import Compression, Distillation
from ganc.methods import once_for_all as ofa
from ganc.methods.update import begin, generators_of
from ganc.runs import records
from ganc.runs.console import console
from ganc.search.classes import ShapeClasses
from ganc.search.evolution import Candidate
from ganc.search.pareto import ranked
from ganc.search.space import encode
from ganc.search.supernet import Supernet
from ganc.train.stage import optimizers
from ganc.types import Arch, Model, Params, TrainState

SHORTLIST = "shortlist.jsonl"


@dataclasses.dataclass(frozen=True, eq=False)
class Student:
    """What the trainings of a supernet and of its subnets have in common.

    Attributes:
        run: the run.
        method: the objective.
        supernet: where the student comes from.
        teacher: what it imitates.
    """

    run: Run
    method: ofa.OnceForAll
    supernet: Supernet
    teacher: Model

    def begin(
        self, stage: Distillation, *, start: Params | None = None, judge: Params | None = None
    ) -> TrainState:
        """Fresh players for `stage`; `start` and `judge` as in `ofa.init`."""
        # rbg: the default generator takes eight seconds longer to compile, one layer at a time.
        key, average = jax.random.key(self.run.seed, impl="rbg"), stage.average
        return ofa.init(
            self.method, key, optimizers(stage), average=average, start=start, judge=judge
        )

    def go_on(self, state: TrainState, stage: Distillation) -> TrainState:
        """The players that an earlier stage left, with fresh optimisers for `stage`."""
        players = state.params | {"generator": generators_of(state)}
        players = jax.tree.map(np.asarray, players)
        return begin(players, optimizers(stage), average=bool(stage.average))

    def train(
        self, name: str, state: TrainState, classes: ShapeClasses, stage: Distillation, seed: int
    ) -> TrainState:
        """A training stage over the architectures of `classes`; `seed` is that of its batches."""

        def make_step(place):
            step = ofa.make_step(
                self.method,
                optimizers(stage),
                place(self.teacher.params),
                classes,
                sampling=stage.sampling,
                seed=self.run.seed,
                average=stage.average,
            )
            return seen(step, name, lambda state: self.finalize(state, classes.space.largest))

        return self.run.train(name, make_step, state, stage, seed)

    def fine_tune(
        self, name: str, state: TrainState, arch: Arch, stage: Distillation
    ) -> TrainState:
        """Trains `arch` alone, from the weights that were searched; none where it has no steps."""
        if not stage.steps:
            return state
        classes = ofa.single_class(self.supernet.space, arch)
        return self.train(name, self.go_on(state, stage), classes, stage, self.run.seed + 1)

    def finalize(self, state: TrainState, arch: Arch) -> Model:
        """`arch` cut out, on the host, with running statistics of its own."""
        model = ofa.finalize(state, self.supernet, arch)
        return self.run.recalibrated(model._replace(params=jax.device_get(model.params)))

    def choose(
        self, state: TrainState, candidates: Sequence[Candidate], config: Compression
    ) -> Arch:
        """The best of the shortlist after a brief fine-tuning of each, by the search's own score.

        The search ranks subnets of one supernet, and its best are near equals there; what they are
        worth shows when they are trained alone. With a shortlist of one, it is the search's best.
        """
        best = ranked(candidates)[: config.shortlist]
        listed = [candidate.arch for candidate in best]
        if len(listed) == 1:
            return listed[0]
        path = self.run.work.path / SHORTLIST
        tried = {row["arch"]: row for row in records.read(path)}
        trial = dataclasses.replace(
            config.fine_tune, constant_steps=config.trial_steps, decay_steps=0
        )
        source, score = self.run.fitness(self.teacher, config.search)
        for candidate in best:
            name = encode(candidate.arch)
            if name in tried:
                continue
            tuned = self.fine_tune(f"trial_{name}", state, candidate.arch, trial)
            pictures = jnp.asarray(self.run.render(self.finalize(tuned, candidate.arch), source))
            found = float(hosts.first(np.array([score(pictures)]))[0])  # one opinion for all
            tried[name] = {"arch": name, "searched": candidate.score, "tried": found}
            records.write(path, list(tried.values()))
            console.print(f"{name}: {candidate.score:.4f} in the supernet, {found:.4f} by itself")
        return min(listed, key=lambda arch: tried[encode(arch)]["tried"])
