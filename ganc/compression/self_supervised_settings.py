"""What people set of self-supervised compression, and the rows of its publication's table."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ganc.compression.settings import Pictured, Teaching, on_data_of
from ganc.pruning.units import Granularity, Scope
from ganc.ranges import number, whole
from ganc.train.stage import Training

Baseline = Literal["b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"]
"""Rows of table 1: `b` is the method, the others are the twelve that fail there. Row `a`, no
compression, is the row `teacher` of every run."""


@dataclass(frozen=True)
class Scheme:
    """One row of the table: how a sparse generator comes about. The defaults are the method.

    Attributes:
        start: what it starts from: the teacher, random weights, or a narrower dense network with
            random weights and as many parameters as are left elsewhere.
        judge: what the discriminators start from.
        frozen: whether they stay so; None: as the settings say.
        pruning: gradual over the first half, or once before the first step, or none.
        items: see `methods.self_supervised.Aim`.
        imitates: whether its pictures should match the teacher's.
        features: whether its activations should.
        real: see `SelfSupervised`.
        fakes: see `SelfSupervised`.
        both: whether the discriminators are pruned too.
    """

    start: Literal["teacher", "random", "narrow"] = "teacher"
    judge: Literal["trained", "random"] = "trained"
    frozen: bool | None = None
    pruning: Literal["gradual", "once", "none"] = "gradual"
    items: Literal["gaps", "native", "none"] = "gaps"
    imitates: bool = False
    features: bool = False
    real: Literal["data", "teacher"] = "data"
    fakes: Literal["student", "teacher"] = "student"
    both: bool = False


_NATIVE = Scheme(items="native", frozen=False)
SCHEMES: dict[str, Scheme] = {
    "b": Scheme(),
    "c": dataclasses.replace(_NATIVE, start="narrow", judge="random", pruning="none"),
    "d": dataclasses.replace(_NATIVE, pruning="once"),
    "e": dataclasses.replace(_NATIVE, judge="random"),
    "f": dataclasses.replace(_NATIVE, start="random", judge="random"),
    "g": Scheme(items="none", imitates=True, frozen=True, pruning="once"),
    "h": dataclasses.replace(_NATIVE, pruning="once", imitates=True),
    "i": dataclasses.replace(_NATIVE, pruning="once", frozen=True),
    "j": dataclasses.replace(_NATIVE, start="random", judge="random", real="teacher"),
    "k": dataclasses.replace(_NATIVE, judge="random", imitates=True, fakes="teacher"),
    "l": Scheme(items="none", features=True, frozen=True),
    "m": dataclasses.replace(_NATIVE, imitates=True, both=True, pruning="once"),
    "n": dataclasses.replace(_NATIVE, imitates=True, both=True),
}
"""Row -> how we read it. Given by the table are what generator and discriminator start from,
whether the latter is fixed, and from whose loss items one learns. Inferred are: "distillation" as
the mean absolute difference of pictures, "intermediate" as the mean squared one of activations;
whether g, i and k prune at once or gradually; i without distillation, as its flags but not its
caption have it; j as a discriminator that takes the teacher's pictures for real; m, whose
assignment of weights by expectation and maximisation is not described, as n with the pruning done
at once."""


@dataclass(frozen=True)
class Supervised(Training):
    """The training of the pruned generator."""

    batch: Annotated[int, whole(1, 4096)] = 1
    """pictures per step"""
    constant_steps: int = 13_340  # a tenth of 100 epochs of horse2zebra, as the method asks
    """steps at the full learning rate"""
    decay_steps: int = 13_340
    """steps over which it then falls to almost zero"""
    average: Annotated[float, number(0, 1, open=True)] = 0.0
    """decay of the running average of the generator that is kept; 0: the last weights"""


@dataclass(frozen=True)
class SelfSupervision(Pictured):
    """How to compress; the defaults are those of the publication for horse2zebra."""

    teacher: str = "train"
    """shipped, train, a PyTorch checkpoint, or the directory of a model or of a run that has one.
    Discriminators, and of CycleGAN the generator of the other direction, that it does not come with
    are trained against it"""
    train_teacher: Teaching = field(default_factory=Teaching)
    """how to train it with --teacher train; data, size, seed and skip-bad are those of this run"""
    opponents: Training = field(
        default_factory=lambda: Training(constant_steps=13_340, decay_steps=13_340)
    )
    """how to train what the teacher does not come with, against the teacher as it is"""
    sparsity: Annotated[float, number(0, 1, open=True)] = 0.5
    """share of the weights that go: 0.25, 0.5, 0.75 and 0.9 are published"""
    initial: Annotated[float, number(0, 1, open=True)] = 0.05
    """share of those that go before the first step"""
    granularity: Granularity = "element"
    """what goes as one: element and filter are published. filter leaves a smaller dense network"""
    scope: Scope = "layer"
    """layer: every layer is as sparse; global: the weakest weights of all layers go"""
    updates: Annotated[int, whole(1)] = 20
    """how often the masks tighten, over the first half of the training"""
    directions: Literal["ab", "both"] = "ab"
    """of CycleGAN: one generator is compressed beside its dense partner, or both are"""
    discriminator: Literal["trainable", "frozen"] = "trainable"
    """whether the discriminators go on learning, by the game's own terms"""
    balance: float = 0.5
    """weight of the gaps of the discriminator's loss items"""
    floor: Annotated[float, number(1e-9)] = 0.05
    """the least that a gap is divided by"""
    baseline: Baseline = "b"
    """row of the publication's table 1: b is the method, c to n what fails there"""
    imitation: float = 10.0
    """of baselines that distil: weight of the distance to the teacher's pictures"""
    features: float = 1.0
    """of baseline l: weight of the distance to its activations"""
    training: Supervised = field(default_factory=Supervised)
    """of the pruned generator"""
    feature_size: Annotated[int, whole(32, 2048)] = 128
    """px at which Lite0 features are taken for the report"""

    @property
    def teaching(self) -> Teaching:
        """How the teacher is trained, on the data of this run."""
        return on_data_of(self, self.train_teacher)

    @property
    def scheme(self) -> Scheme:
        """The row of the table that is asked for."""
        found = SCHEMES[self.baseline]
        frozen = self.discriminator == "frozen" if found.frozen is None else found.frozen
        return dataclasses.replace(found, frozen=frozen)
