"""The settings of `experiments.cyclegan_ofa`, and its presets."""

import dataclasses
from dataclasses import dataclass, field

from experiments import cyclegan_teacher
from experiments._ofa import Search, Training
from ganc.search.evolution import Evolution


@dataclass(frozen=True)
class Config:
    """How to compress; the defaults are the published horse2zebra settings (Fast pipeline)."""

    data: str = "tfds:cycle_gan/horse2zebra"
    """earth, earth:TASK, folder:DIR or tfds:NAME"""
    size: int = 256
    """side of the pictures, px"""
    teacher: str = "train"
    """shipped, train, a PyTorch checkpoint, or the directory of a model or of a run that has one"""
    train_teacher: cyclegan_teacher.Config = field(default_factory=cyclegan_teacher.Config)
    """how to train it with --teacher train; data, size, seed and skip-bad are those of this run"""
    ngf: int = 64
    """base width of the student"""
    blocks: int = 9
    """residual blocks of the student, a multiple of 3"""
    ndf: int = 64
    """base width of the discriminator"""
    space: str = "channels-64-cycleGAN"
    """a published search space, or widths such as 32/24/16 for every slot"""
    reconstruction: float = 10.0
    """weight of the distance to the teacher's pictures"""
    distillation: float = 0.01
    """weight of the distance to the teacher's features"""
    supernet: Training = field(default_factory=Training)
    """once-for-all training"""
    search: Search = field(default_factory=Search)
    """the search for the student"""
    fine_tune: Training = field(default_factory=lambda: Training(constant_steps=0, decay_steps=0))
    """training of the chosen student alone; none by default, as published for horse2zebra"""
    feature_size: int = 128
    """px at which Lite0 features are taken for the report"""
    seed: int = 0
    """of everything random"""
    skip_bad: bool = False
    """leave out pictures that cannot be decoded"""


EARTH64 = Config(
    data="earth",
    size=64,
    teacher="shipped",
    train_teacher=cyclegan_teacher.EARTH64,
    ngf=24,
    blocks=6,
    ndf=32,
    space="24/20/16/12/8",
    # Minutes, not days: a large step, and the weights of the published short runs (edges2shoes).
    reconstruction=100.0,
    distillation=1.0,
    supernet=Training(batch=4, constant_steps=750, decay_steps=750, learning_rate=1e-3),
    search=Search(
        budget=45e6,
        pictures=96,
        feature_size=96,
        batch=16,
        evolution=Evolution(population=32, generations=5, mutation=0.4, favour=2.0),
    ),
    fine_tune=Training(batch=4, constant_steps=300, decay_steps=500, learning_rate=1e-3),
)
TINY = Training(batch=2, constant_steps=2, decay_steps=2, checkpoint_every=2)
PRESETS = {
    "earth64": EARTH64,
    "smoke": dataclasses.replace(
        EARTH64,
        ngf=8,
        blocks=3,
        ndf=4,
        space="8/6",
        supernet=TINY,
        search=Search(
            budget=2e7,
            pictures=4,
            feature_size=32,
            batch=8,
            evolution=Evolution(population=4, generations=1),
        ),
        fine_tune=TINY,
        feature_size=32,
    ),
    "earth128": dataclasses.replace(
        EARTH64,
        size=128,
        teacher="train",
        train_teacher=cyclegan_teacher.PRESETS["earth128"],
        ngf=64,
        blocks=9,
        ndf=64,
        reconstruction=10.0,
        space="channels-64-cycleGAN",
        supernet=Training(batch=16, constant_steps=20_000, decay_steps=20_000),
        # A quarter of the published 3e9 at 256 px: the same networks at 128 px.
        search=Search(budget=7.5e8),
        fine_tune=Training(batch=16, constant_steps=0, decay_steps=0),
    ),
    "horse2zebra": Config(),
}
