"""What people set of OMGD: the configurations that experiments fill in."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from ganc.compression.settings import Pictured
from ganc.features.vgg import Scaling
from ganc.losses.imitation import Imitation
from ganc.ranges import number, whole
from ganc.search.search import Search
from ganc.train.stage import Training

ONLINE = "online"
"""The name of teachers that learn meanwhile."""


@dataclass(frozen=True)
class OnlineTraining(Training):
    """The training of a student with its teachers."""

    batch: Annotated[int, whole(1, 4096)] = 4
    """pictures per step"""
    constant_steps: int = 1_199_500  # 100 epochs of 11,995 steps: edges2shoes
    """steps at the full learning rate"""
    decay_steps: int = 1_199_500
    """steps over which it then falls to almost zero"""
    hold: Annotated[int, whole(1)] = 11_995
    """steps over which the learning rate stays as it is: an epoch, as published"""
    every: Annotated[int, whole(1)] = 1
    """steps of the student for one of the teachers and the discriminator: 3 on cityscapes"""
    average: Annotated[float, number(0, 1, open=True)] = 0.0
    """decay of the running average of the student that is kept; 0: the last weights"""


@dataclass(frozen=True)
class Online(Pictured):
    """How to compress; the defaults are those of all published runs on pairs."""

    data: str = "folder:edges2shoes"
    """earth, earth:TASK, folder:DIR or tfds:NAME"""
    teacher: str = ONLINE
    """online: teachers learn meanwhile; or frozen: shipped, a PyTorch checkpoint, or the directory
    of a model or of a run that has one, with its deeper teacher too if there is one"""
    family: Literal["resnet", "unet"] = "resnet"
    """the mobile ResNet with instance norms, or the U-Net with batch norms"""
    ngf: Annotated[int, whole(1, 1024)] = 16
    """base width of the student"""
    wider: Annotated[int, whole(0, 1024)] = 64
    """base width of the wider teacher; 0: there is none, and no channels are distilled"""
    deeper: Annotated[int, whole(0, 1024)] = 16
    """base width of the deeper teacher; 0: there is none"""
    blocks: Annotated[int, whole(3, 48, multiple=3)] = 9
    """residual blocks of a ResNet, a multiple of 3"""
    downs: Annotated[int, whole(5, 12)] = 8
    """how often a U-Net halves the resolution: 8 for 256 px"""
    ndf: Annotated[int, whole(1, 1024)] = 128
    """base width of the discriminator"""
    shared: Annotated[int, whole(0, 5)] = 3
    """of its 5 stages, those that both teachers share"""
    reconstruction: float = 100.0
    """weight of the distance of the teachers' pictures to the truth"""
    channels: float = 100.0
    """weight of the distance to the channels of the wider teacher; 0: they are not distilled"""
    over_taps: Literal["sum", "mean"] = "sum"
    """that distance is the sum over four layers, as released, or their mean, as in the paper"""
    imitation: Imitation = field(default_factory=Imitation)
    """weights of the distances to the teachers' pictures"""
    features: str = "lite0"
    """whose features tell pictures apart: lite0, or vgg16:FILE, which is the published one"""
    scaling: Scaling = "unit"
    """what VGG sees: unit is [0, 1], as published; it was trained with imagenet"""
    training: OnlineTraining = field(default_factory=OnlineTraining)
    """of all networks"""
    space: str = ""
    """of a student that is a supernet: a published search space, or widths such as 12/8/6 for every
    slot; empty: the student is one network"""
    budget: str = ""
    """most multiply-adds of the student in that space: a number such as 3e9, or 10x for a tenth of
    the teacher's; empty: as --search.budget says"""
    search: Search = field(default_factory=Search)
    """the search for the student in that space"""
    front: Annotated[int, whole(0, 1000)] = 5
    """points of its Pareto front whose pictures the report shows"""
    feature_size: Annotated[int, whole(32, 2048)] = 128
    """px at which Lite0 features are taken for the report"""


@dataclass(frozen=True)
class OnlineUnpaired(Online):
    """How to compress a CycleGAN; the defaults are the published horse2zebra settings."""

    data: str = "tfds:cycle_gan/horse2zebra"
    """earth, earth:TASK, folder:DIR or tfds:NAME"""
    scheme: Literal["staged", "stepwise"] = "staged"
    """staged: teacher and student take turns, as released; stepwise: all in every step"""
    phase: Annotated[int, whole(1)] = 13_340
    """staged: steps of the teacher between two turns of the student, here 10 epochs"""
    lessons: Annotated[int, whole(1, 10**6)] = 4
    """staged: the student's steps for each of the teacher's"""
    best: Literal["forward", "either", "latest"] = "forward"
    """staged: who teaches. forward: the teacher with the best kid so far; either: it is also
    replaced when the other direction got better, as released; latest: the teacher as it is"""
    pictures: Annotated[int, whole(2, 10**6)] = 120
    """staged: pictures of the search split that decide which teacher is the best"""
    deeper: Annotated[int, whole(0, 0)] = 0
    """there is no deeper teacher of unpaired pictures"""
    ndf: Annotated[int, whole(1, 1024)] = 64
    """base width of the discriminators"""
    reconstruction: float = 10.0
    """weight of the teachers' cycles"""
    channels: float = 500.0
    """weight of the distance to the channels of the wider teacher; 0: they are not distilled"""
    training: OnlineTraining = field(
        default_factory=lambda: OnlineTraining(
            batch=1, constant_steps=133_400, decay_steps=133_400, hold=1334
        )
    )
    """of the teacher, and with stepwise of all networks"""
