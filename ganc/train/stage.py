"""One training stage of a run, whatever trains in it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import optax

from ganc import hosts
from ganc.data.batches import Batch
from ganc.ranges import number, whole
from ganc.runs.workdir import Workdir
from ganc.train import loop, sharding
from ganc.train.footprint import check_footprint
from ganc.train.schedule import halved, linear_decay
from ganc.types import TrainState


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

    @property
    def steps(self) -> int:
        """All steps of the stage."""
        return self.constant_steps + self.decay_steps

    @property
    def pictures(self) -> int:
        """All pictures that the stage sees."""
        return self.batch * self.steps


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
    schedule = rate or learning_rate(training, hold)
    optimizer = optax.adam(
        lambda count: schedule(count * every + every - 1), b1=training.beta1, b2=training.beta2
    )
    if not training.weight_decay:
        return optimizer
    return optax.chain(optax.add_decayed_weights(training.weight_decay), optimizer)


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
    mesh = sharding.data_mesh(training.batch)
    place = partial(sharding.replicate, mesh=mesh)
    step, state, last = make_step(place), place(state), training.steps if until is None else until
    if hosts.count() > 1:
        batches = partial(batches, rows=hosts.share(training.batch))
    if last and hasattr(step, "lower"):
        lowered = step.lower(state, sharding.place(batches(0), mesh), 0)  # type: ignore[attr-defined]
        check_footprint(name, lowered, state, mesh.local_mesh.size)
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
