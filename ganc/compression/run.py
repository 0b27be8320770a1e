"""A run: one workdir, its data, and the stages that every method shares.

A stage that is complete is not repeated, and one that was cut off goes on where it stopped; the
seconds of each are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganc.compression.calibration import calibration, recalibrated
from ganc.compression.settings import Pictured, Teaching
from ganc.compression.teacher import TEACHER, train_teacher
from ganc.data.dataset import Dataset, open_dataset
from ganc.data.pictures import Size, show_size, some, stack
from ganc.errors import UserError
from ganc.features import lite0
from ganc.models import store
from ganc.models.render import render
from ganc.models.statistics import keep_calibration
from ganc.runs.clock import Clock
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.search.evolution import Candidate
from ganc.search.fitness import Score, make_score
from ganc.search.search import SEARCH, Search, search
from ganc.search.space import encode
from ganc.search.supernet import Supernet
from ganc.tasks.task import Task
from ganc.train import loop
from ganc.train.footprint import check_footprint
from ganc.train.stage import Training, train
from ganc.types import Arch, Generator, Model, Params, TrainState


@dataclass(frozen=True, eq=False)
class Run:
    """What the stages of a run have in common.

    Attributes:
        work: the workdir.
        data: the pictures, in their three sets.
        task: what is translated.
        shape: (h, w, c) of what a generator is given; it is trained on windows of that, see
            `window`.
        seed: of everything random.
    """

    work: Workdir
    data: Dataset
    task: Task
    shape: tuple[int, int, int]
    seed: int

    @property
    def stage(self) -> Clock:
        """`with run.stage("search"): ...` times a stage and marks it complete."""
        return Clock(self.work)

    @property
    def window(self) -> tuple[int, int, int]:
        """(h, w, 3) of the pictures that are drawn in training."""
        return (*self.data.augmentation.crop, 3)

    @property
    def complete(self) -> bool:
        """Whether all is done and there are results to show."""
        return "evaluate" in self.work.stages()

    def teacher(self, given: Model | None, config: Teaching, generator: Generator) -> Model:
        """The `given` teacher, or one trained as `config` says; it is kept as `teacher`."""
        if given is None:
            return train_teacher(config, self.task, generator, self.data, self.work)
        self.save(TEACHER, given)
        return given

    def train(
        self,
        name: str,
        make_step: Callable[[Callable[[Any], Any]], loop.Advance],
        state: TrainState,
        training: Training,
        seed: int,
        *,
        until: int | None = None,
    ) -> TrainState:
        """A training stage; see `ganc.train.stage.train`."""
        batches = self.task.batches(self.data, training.batch, seed)
        return train(make_step, state, batches, training, self.work, name, until=until)

    def render(self, model: Model, pictures: np.ndarray) -> np.ndarray:
        """The model's pictures of `pictures`, with what the task gives beside them."""
        return render(model, pictures, inputs=self.task.styled(len(pictures)))

    def fitness(self, teacher: Model, settings: Search) -> tuple[np.ndarray, Score]:
        """Pictures of the search split, and the score of what a candidate makes of them.

        Neither training nor the report looks at the search split.
        """
        data, (height, width, _) = self.data, self.shape
        source = stack(some(data.search_a, settings.pictures), (height, width), data.encode)
        weights = lite0.load()
        score = make_score(
            settings.fitness,
            extract=lambda x: lite0.extract(weights, x, size=settings.feature_size),
            real=stack(some(data.search_b, settings.pictures), (height, width)),
            teacher=self.render(teacher, source),
        )
        return source, score

    def search(
        self, supernet: Supernet, params: Params, teacher: Model, settings: Search
    ) -> list[Candidate]:
        """Searches on the search split."""
        source, score = self.fitness(teacher, settings)
        calibration = None
        if supernet.generator.statistics:
            calibration = self.calibration()
            keep_calibration(self.work.path, calibration)
        return search(
            supernet,
            params,
            source,
            score,
            settings,
            path=self.work.path / SEARCH,
            seed=self.seed,
            calibration=calibration,
            inputs=self.task.styled(len(source)),
            check=lambda programs: check_footprint(
                "search", programs, params, len(jax.local_devices())
            ),
        )

    def check_cut(self, supernet: Supernet, params: Params, arch: Arch) -> None:
        """Compares what the masked supernet and the cut-out subnet draw, and prints it.

        Raises:
            RuntimeError: they differ, which would be a defect.
        """
        few = stack(some(self.data.search_a, 4), self.shape[:2], self.data.encode)
        gap = supernet.masked_minus_sliced(params, arch, few)
        console.print(f"student {encode(arch)}: masked and sliced differ by at most {gap:.1e}")
        if gap > 1e-3:
            raise RuntimeError(f"the sliced student differs from the masked one by {gap}")

    def calibration(self) -> np.ndarray:
        """Training pictures to measure running statistics with, (n h w c)."""
        return calibration(self.data, self.shape[:2])

    def recalibrated(self, model: Model) -> Model:
        """`model` with the running statistics of its own architecture, where it has any."""
        return recalibrated(model, self.task, self.data, self.shape[:2])

    def save(self, name: str, model: Model, **more: Any) -> None:
        """Stores a model of the run, for `python -m ganc.translate` and for later runs.

        `more` is said of it beside its task, its data and the shape of what it is given.
        """
        model = model._replace(params=jax.device_get(model.params))
        about = {"task": self.task.name, "data": self.data.name, "shape": list(self.shape)}
        store.save(self.work.path / name, model, about | more)


def open_data(config: Pictured, task: Task) -> Dataset:
    """The data set that `config` asks for, fit for `task`; pictures that are left out are named.

    Raises:
        UserError: see `open_dataset` and `Dataset.turned`.
    """
    data = open_dataset(
        config.data,
        config.sides,
        paired=task.paired,
        skip_bad=config.skip_bad,
        labels=task.labels,
        crop=config.window if config.crop else None,
    )
    if config.direction == "ba":
        data = data.turned()
    _check_judge(task, config.window)
    for path in data.skipped:
        console.print(f"[yellow]skipped, cannot be decoded: {path}[/]", soft_wrap=True)
    return data


def _check_judge(task: Task, window: Size) -> None:
    """Refuses windows of which nothing is left before the discriminator's last layer."""
    judge = task.discriminator
    picture = jax.ShapeDtypeStruct((1, *window, judge.channels_in), jnp.float32)
    try:
        params = jax.eval_shape(judge.init, jax.random.key(0))
        verdict = jax.eval_shape(judge.apply, params, picture)
        left = min(leaf.size for leaf in jax.tree.leaves(verdict))
    except (ZeroDivisionError, TypeError, ValueError):  # what convolutions of less than a row raise
        left = 0
    if not left:
        raise UserError(
            f"the discriminator of {task.name} cannot judge pictures of {show_size(window)} px, "
            "what is trained on must be larger"
        )
