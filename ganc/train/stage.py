"""One training stage of a run, whatever trains in it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import optax

from ganc import hosts
from ganc.data.batches import Batch
from ganc.nn.precision import Precision, activations
from ganc.ranges import number, whole
from ganc.runs.workdir import Workdir
from ganc.train import loop, sharding
from ganc.train.footprint import check_footprint
from ganc.train.schedule import halved, linear_decay
from ganc.types import TrainState

RateRule = Literal["root", "linear"]
"""`root`: for Adam, Malladi et al. 2022 (arXiv 2205.10782). `linear`: Goyal et al. 2017 (arXiv
1706.02677)."""


@dataclass(frozen=True)
class Training:
    """One training stage."""

    batch: Annotated[int, whole(1, 4096)] = 1
    """pictures per step"""
    constant_steps: int = 242_800  # 200 epochs of 1,214 pictures: horse2zebra's train1
    """steps at the full learning rate"""
    decay_steps: int = 242_800
    """steps over which it then falls to almost zero"""
    learning_rate: Annotated[float, number(0, 10)] = 2e-4
    """of Adam"""
    discriminator_learning_rate: Annotated[float, number(0, 10)] = 0.0
    """of the discriminator's; 0: the same"""
    beta1: Annotated[float, number(0, 1, open=True)] = 0.5
    """decay of Adam's mean of the gradients"""
    beta2: Annotated[float, number(0, 1, open=True)] = 0.999
    """decay of Adam's mean of their squares"""
    weight_decay: float = 0.0
    """added to the gradients, in units of the weights"""
    halve_every: int = 0
    """steps after which the learning rates are halved, again and again; 0: never"""
    checkpoint_every: Annotated[int, whole(1)] = 500
    """steps between checkpoints"""
    accumulate: Annotated[int, whole(1, 4096)] = 1
    """steps whose gradients are averaged before the networks move"""
    rate_batch: Annotated[int, whole(0, 65536)] = 0
    """pictures per move that the learning rates were chosen for; 0: as many as there are"""
    rate_rule: RateRule = "root"
    """how rates grow with pictures per move over `rate_batch`: by their root, or linearly"""
    precision: Precision = "float32"
    """of activations in training; parameters, norms and losses are float32 with bf16 too"""

    @property
    def steps(self) -> int:
        """All steps of the stage."""
        return self.constant_steps + self.decay_steps

    @property
    def pictures(self) -> int:
        """All pictures that the stage sees."""
        return self.batch * self.steps

    @property
    def rate_factor(self) -> float:
        """What learning rates are multiplied by, because of the pictures per move."""
        times = self.batch * self.accumulate / self.rate_batch if self.rate_batch else 1.0
        return times if self.rate_rule == "linear" else times**0.5


def adam(
    training: Training,
    *,
    hold: int = 1,
    every: int = 1,
    rate: optax.Schedule | None = None,
) -> optax.GradientTransformation:
    """Adam with the linear fall of the learning rate, as in the CycleGAN and pix2pix line.

    The decay of weights is that of Adam's first paper, a part of the gradient.

    Args:
        training: the stage.
        hold: steps of the stage over which the rate stays as it is, such as those of an epoch.
        every: steps of the stage for one of this optimiser, which is taken in the last of them.
        rate: another rate in the step of the stage, counted from 0.
    """
    schedule, factor = rate or learning_rate(training, hold), training.rate_factor
    each = every * training.accumulate
    optimizer = optax.adam(
        lambda count: factor * schedule(count * each + each - 1),
        b1=training.beta1,
        b2=training.beta2,
    )
    if training.weight_decay:
        optimizer = optax.chain(optax.add_decayed_weights(training.weight_decay), optimizer)
    if training.accumulate == 1:
        return optimizer
    return optax.MultiSteps(optimizer, training.accumulate).gradient_transformation()


def learning_rate(training: Training, hold: int = 1) -> optax.Schedule:
    """The rate in the step of a stage, counted from 0; it changes once in `hold` steps."""
    epochs = (training.constant_steps // hold, training.decay_steps // hold)
    rate = linear_decay(training.learning_rate, *epochs, steps_per_epoch=hold)
    return halved(rate, training.halve_every) if training.halve_every else rate


def optimizers(
    training: Training, *, hold: int = 1, every: int = 1
) -> dict[str, optax.GradientTransformation]:
    """Of both players, each with its learning rate; `hold` and `every` as in `adam`."""
    other = training.discriminator_learning_rate or training.learning_rate
    other = dataclasses.replace(training, learning_rate=other)
    return {
        "generator": adam(training, hold=hold, every=every),
        "discriminator": adam(other, hold=hold, every=every),
    }


def train(
    make_step: Callable[[Callable[[Any], Any]], loop.Advance],
    state: TrainState,
    batches: Callable[..., Batch],
    training: Training,
    work: Workdir,
    name: str,
    *,
    until: int | None = None,
) -> TrainState:
    """Trains over the devices of all processes that divide the batch, or resumes; see `loop.run`.

    A step with a method `lower(state, batch, index)`, as compiled functions have, says by it which
    program takes the most memory; that is printed, and checked, before anything is trained.

    Args:
        make_step: `make_step(place) -> step`; `place` puts frozen parameters on the devices.
        state: where to begin.
        batches: step -> batch; with several processes also `batches(step, rows=...)`, see
            `ganc.data.batches`.
        training: how long, and on how many pictures at once.
        work: gets checkpoints and scalars.
        name: of the stage.
        until: the step to stop at for now; None for the last one.
    """
    with activations(training.precision):
        return _train(make_step, state, batches, training, work, name, until)


def _train(make_step, state, batches, training: Training, work: Workdir, name: str, until):
    mesh = sharding.data_mesh(training.batch)
    place = partial(sharding.replicate, mesh=mesh)
    step, state, last = make_step(place), place(state), training.steps if until is None else until
    if hosts.count() > 1:
        batches = partial(batches, rows=hosts.share(training.batch))
    if last and hasattr(step, "lower"):
        lowered = step.lower(state, sharding.place(batches(0), mesh), 0)  # type: ignore[attr-defined]
        check_footprint(name, [lowered], state, mesh.local_mesh.size)
    state = loop.run(
        step,
        state,
        batches,
        steps=last,
        directory=work.checkpoints(name),
        log=work.metrics,
        name=name,
        place=lambda batch: sharding.place(batch, mesh),
        log_every=50,
        checkpoint_every=training.checkpoint_every,
    )
    return sharding.own(state, mesh)
