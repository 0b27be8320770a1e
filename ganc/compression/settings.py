"""What people set: the configurations that experiments fill in, and their command lines show."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from ganc.data.dataset import Direction
from ganc.data.pictures import Size
from ganc.methods.once_for_all import Sampling
from ganc.models.resnet import Upsampling
from ganc.nn.precision import Precision
from ganc.ranges import number, whole
from ganc.search.search import Search
from ganc.train.stage import RateRule, Training


@dataclass(frozen=True)
class Pictured:
    """What every configuration says of its pictures, and its seed."""

    data: str = "tfds:cycle_gan/horse2zebra"
    """earth, earth:TASK, folder:DIR or tfds:NAME"""
    direction: Direction = "ab"
    """ab: A is translated into B; ba: B into A"""
    size: Annotated[int, whole(8, 4096)] = 256
    """side of the pictures, px; their height, where they are not square"""
    aspect: Annotated[float, number(0.05, 20)] = 1.0
    """width of the pictures over their height, such as 1.5"""
    crop: Annotated[int, whole(0, 4096)] = 0
    """side of the windows of the pictures that are trained on, px: all else is made of whole
    pictures; 0: they are trained on too"""
    seed: int = 0
    """of everything random"""
    skip_bad: bool = False
    """leave out pictures that cannot be decoded"""

    @property
    def sides(self) -> Size:
        """Height and width of whole pictures."""
        return self.size, round(self.size * self.aspect)

    @property
    def window(self) -> Size:
        """Height and width of what is trained on."""
        return (self.crop, self.crop) if self.crop else self.sides

    def needs(self, preset: Any) -> Mapping[str, Any]:
        """What its task needs otherwise than `preset` has it: setting -> value."""
        del preset
        return {}


@dataclass(frozen=True)
class Teaching(Pictured):
    """How a teacher is trained; the defaults are the published horse2zebra settings."""

    ngf: Annotated[int, whole(1, 1024)] = 64
    """base width of the generators"""
    blocks: Annotated[int, whole(3, 48, multiple=3)] = 9
    """residual blocks; Zhu et al. take 6 up to 128 px"""
    separable: bool = False
    """whether the generators are mobile ones: teachers of the original pipeline are"""
    upsampling: Upsampling = "transposed"
    """of the generators: transposed, as published, or resize, which leaves no grid"""
    ndf: Annotated[int, whole(1, 1024)] = 64
    """base width of the discriminators"""
    batch: Annotated[int, whole(1, 4096)] = 1
    """pictures of each domain per step"""
    constant_steps: int = 133_400  # 100 epochs of 1,334 zebras
    """steps at the full learning rate"""
    decay_steps: int = 133_400
    """steps over which it then falls to almost zero"""
    learning_rate: Annotated[float, number(0, 10)] = 2e-4
    """of Adam"""
    discriminator_learning_rate: Annotated[float, number(0, 10)] = 0.0
    """of the discriminators'; 0: the same"""
    beta1: Annotated[float, number(0, 1, open=True)] = 0.5
    """decay of Adam's mean of the gradients"""
    beta2: Annotated[float, number(0, 1, open=True)] = 0.999
    """decay of Adam's mean of their squares"""
    weight_decay: float = 0.0
    """added to the gradients, in units of the weights"""
    halve_every: int = 0
    """steps after which the learning rates are halved, again and again; 0: never"""
    start: str = ""
    """workdir of an earlier run of this experiment whose networks to go on with; empty: new ones"""
    average: Annotated[float, number(0, 1, open=True)] = 0.0
    """decay of the running average of the weights that is kept as the model; 0: the last weights"""
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
    feature_size: Annotated[int, whole(32, 2048)] = 128
    """px at which Lite0 features are taken for the scores"""

    @property
    def training(self) -> Training:
        """The training stage that this asks for."""
        names = (field.name for field in dataclasses.fields(Training))
        return Training(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class Distillation(Training):
    """A training stage that draws architectures."""

    sampling: Sampling = "uniform"
    """architectures of a step: one at random, or also the largest and the smallest"""
    average: Annotated[float, number(0, 1, open=True)] = 0.0
    """decay of the running average of the student that is searched and kept; 0: the last weights"""


Pipeline = Literal["fast", "original", "scratch"]
"""`fast`: any teacher, a supernet from random weights. `original`: a mobile teacher, which starts a
narrower student; that learns alone before it becomes the supernet. `scratch` is what both are to be
compared with: one student that learns as teachers do, without one."""


@dataclass(frozen=True)
class Compression(Pictured):
    """How to compress; the defaults are the published horse2zebra settings (Fast pipeline)."""

    pipeline: Pipeline = "fast"
    """fast: any teacher, a supernet from random weights; original: a mobile teacher, whose most
    important channels and discriminator a student takes over, which learns alone at first; scratch:
    the student of --arch learns without the teacher, as --train-teacher says, to be compared"""
    stages: str = ""
    """the stages to run, such as teacher,supernet; the run stops after the last. Empty: all"""
    origin: Annotated[str, tyro.conf.arg(name="from")] = ""
    """workdir of another run of this experiment whose finished stages are reused, as far as their
    settings are the same"""

    teacher: str = "train"
    """shipped, train, a PyTorch checkpoint, or the directory of a model or of a run that has one"""
    train_teacher: Teaching = field(default_factory=Teaching)
    """how to train it with --teacher train; data, size, seed and skip-bad are those of this run,
    and the original pipeline's is separable"""
    ngf: Annotated[int, whole(1, 1024)] = 64
    """base width of the student"""
    blocks: Annotated[int, whole(3, 48, multiple=3)] = 9
    """residual blocks of the student, a multiple of 3"""
    upsampling: Upsampling = "transposed"
    """of the student: transposed, as published, or resize, which leaves no grid"""
    ndf: Annotated[int, whole(1, 1024)] = 64
    """base width of the discriminator"""
    space: str = "channels-64-cycleGAN"
    """a published search space, or widths such as 32/24/16 for every slot"""
    arch: str = ""
    """the student's architecture, such as 16_16_24_16_32_64_16_24, instead of a search in a space:
    what is trained as supernet is then this student alone, whatever the budget"""
    equal_compute: bool = False
    """with --arch: train for as long as a search in --space would compute with its supernet and its
    fine-tuning, so that the one student is compared fairly with a searched one"""
    reconstruction: float = 10.0
    """weight of the distance to the target: the teacher's pictures, or the truth of pairs"""
    distillation: float = 0.01
    """weight of the distance to the teacher's features"""
    inherit: bool = False
    """start the layers that the teacher has too from the teacher's, important channels first; the
    original pipeline always does"""
    pre_distillation: Distillation = field(
        default_factory=lambda: Distillation(constant_steps=121_400, decay_steps=121_400)
    )
    """training of the whole student before it becomes the supernet, in the original pipeline"""
    supernet: Distillation = field(default_factory=Distillation)
    """once-for-all training"""
    budget: str = ""
    """most multiply-adds of the student: a number such as 3e9, or 10x for a tenth of the teacher's;
    empty: as --search.budget says"""
    search: Search = field(default_factory=Search)
    """the search for the student"""
    shortlist: Annotated[int, whole(1, 1000)] = 1
    """the search's best that are fine-tuned briefly, to choose the student among them"""
    trial_steps: int = 200
    """how long each of them is"""
    fine_tune: Distillation = field(
        default_factory=lambda: Distillation(constant_steps=0, decay_steps=0)
    )
    """training of the chosen student alone; none by default, as published for horse2zebra"""
    feature_size: Annotated[int, whole(32, 2048)] = 128
    """px at which Lite0 features are taken for the report"""
    front: Annotated[int, whole(0, 1000)] = 5
    """points of the Pareto front whose pictures the report shows, about six seconds each"""

    @property
    def teaching(self) -> Teaching:
        """How the teacher is trained, on the data of this run."""
        separable = self.train_teacher.separable or self.pipeline == "original"
        teaching = dataclasses.replace(self.train_teacher, separable=separable)
        return on_data_of(self, teaching)


def on_data_of(config: Pictured, teaching: Teaching) -> Teaching:
    """`teaching` with the data, sizes and seed of `config`."""
    shared = {each.name: getattr(config, each.name) for each in dataclasses.fields(Pictured)}
    return dataclasses.replace(teaching, **shared)
