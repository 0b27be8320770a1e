"""What people set of GAN Slimming: the configurations that experiments fill in."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import jax.numpy as jnp
import optax

from ganc.compression.settings import Pictured, Teaching, on_data_of
from ganc.features.vgg import Scaling
from ganc.losses.content_style import ContentStyle
from ganc.ranges import number, whole
from ganc.train.schedule import cosine_decay, linear_decay
from ganc.train.stage import Training


@dataclass(frozen=True)
class Slimmed(Training):
    """A training stage; the defaults are the published run on horse2zebra."""

    batch: Annotated[int, whole(1, 4096)] = 8
    """pictures per step"""
    constant_steps: int = 0
    """steps at the full learning rate, with --schedule linear; with cosine they fall too"""
    decay_steps: int = 26_600  # 200 epochs of 133 steps
    """steps over which it falls"""
    learning_rate: Annotated[float, number(0, 10)] = 1e-5
    """of Adam, for the weights and for the discriminator"""
    weight_decay: float = 1e-3
    """added to the gradients, in units of the weights; not to those of the scales"""
    schedule: Literal["cosine", "linear"] = "cosine"
    """how the learning rates fall: cosine, as published, or linear"""
    hold: Annotated[int, whole(1)] = 133
    """steps over which the learning rates stay as they are: an epoch, as published"""
    scale_rate: Annotated[float, number(0, 10)] = 0.1
    """learning rate of the scales, by SGD"""
    momentum: Annotated[float, number(0, 1, open=True)] = 0.5
    """of that SGD"""
    average: Annotated[float, number(0, 1, open=True)] = 0.0
    """decay of the running average of the student that is kept; 0: the last weights"""

    def rate(self, first: float) -> optax.Schedule:
        """The schedule of a rate that is `first` at the beginning."""
        if self.schedule == "cosine":
            return cosine_decay(first, self.steps, self.hold)
        epochs = (self.constant_steps // self.hold, self.decay_steps // self.hold)
        return linear_decay(first, *epochs, steps_per_epoch=self.hold)

    def scale_rates(self) -> float:
        """The sum of the learning rates of the scales over all steps."""
        return float(jnp.sum(self.rate(self.scale_rate)(jnp.arange(self.steps))))


TUNED = Slimmed(
    batch=16,
    decay_steps=13_200,  # 200 epochs of 66 steps
    learning_rate=1e-4,
    hold=66,
)
"""The published fine-tuning on horse2zebra."""


@dataclass(frozen=True)
class Slim(Pictured):
    """How to slim; the defaults are the published horse2zebra settings (GS-32)."""

    teacher: str = "train"
    """shipped, train, a PyTorch checkpoint, or the directory of a model or of a run that has one"""
    train_teacher: Teaching = field(default_factory=Teaching)
    """how to train it with --teacher train; data, size, seed and skip-bad are those of this run"""
    student: str = "teacher"
    """where it begins: teacher, a copy of it; random, new weights of width --ngf; or the directory
    of a model, or of a run that has a student, such as one of once-for-all training"""
    ngf: Annotated[int, whole(1, 1024)] = 64
    """base width of a student that begins at random"""
    discriminator: str = ""
    """the directory of a discriminator to begin with; empty: a new one"""
    ndf: Annotated[int, whole(1, 1024)] = 64
    """base width of the discriminator"""
    beta: float = 20.0
    """weight of the distance to the teacher's pictures while it is slimmed; 0: none"""
    rho: float = 0.0085
    """weight of the sum of the scales; 0 with no budget: nothing is pruned"""
    shrinkage: float = 0.0
    """the sum of rho times the scales' learning rate over all steps, 13.4 as published; it then
    takes the place of rho, and stays the same in a shorter run"""
    budget: float | str = 0.0
    """what the student should cost, as a number, or 10x for a tenth of the teacher's: rho is moved
    until it does, within 3 %; 0: rho stays"""
    counted: Literal["macs", "bytes"] = "macs"
    """the budget is in multiply-adds of a picture, published convention, or in bytes on disk"""
    trunk: bool = False
    """slim residual trunks too, where all their norms have scales; the publication does not"""
    against: Literal["teacher", "real"] = "teacher"
    """what the discriminator takes for real: the teacher's pictures, as published, or the data's"""
    features: str = "lite0"
    """whose features tell pictures apart: lite0, or vgg16:FILE, which is the published one"""
    scaling: Scaling = "unit"
    """what VGG sees: unit is [0, 1], as published; it was trained with imagenet"""
    distance: ContentStyle = field(default_factory=ContentStyle)
    """how far pictures are from the teacher's"""
    quantise: Literal["none", "paper", "deployable", "after"] = "none"
    """eight bits: from the first step as published (paper) or as integers can compute
    (deployable), or only when all training is done (after)"""
    learn_clips: bool = True
    """with deployable: the clips of activations are learned; else they are measured twice, before
    and after pruning"""
    slim: Slimmed = field(default_factory=Slimmed)
    """the run that distils and prunes"""
    tune_beta: float = 20.0
    """weight of the distance to the teacher's pictures in fine-tuning"""
    fine_tune: Slimmed = field(default_factory=lambda: TUNED)
    """training of the pruned student"""
    feature_size: Annotated[int, whole(32, 2048)] = 128
    """px at which Lite0 features are taken for the report"""

    @property
    def prunes(self) -> bool:
        """Whether any channel may go."""
        return bool(self.rho or self.shrinkage or self.budget) and self.slim.steps > 0

    @property
    def goal(self) -> float:
        """The budget, once it is a number."""
        assert not isinstance(self.budget, str), self.budget
        return self.budget

    @property
    def strength(self) -> float:
        """The rho of a run without a budget."""
        return self.shrinkage / self.slim.scale_rates() if self.shrinkage else self.rho

    @property
    def teaching(self) -> Teaching:
        """How the teacher is trained, on the data of this run."""
        return on_data_of(self, self.train_teacher)
