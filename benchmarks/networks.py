"""The networks that are timed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ganc.compression.settings import Compression
from ganc.metrics import cost
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks import cyclegan
from ganc.tasks.task import Task
from ganc.types import Arch, Generator


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of an experiment.

    Attributes:
        config: of the experiment.
        supernet: the student and its architectures.
        teacher: what it imitates.
        task: with its discriminator.
    """

    config: Compression
    supernet: Supernet
    teacher: Generator
    task: Task

    @classmethod
    def build(cls, config: Compression) -> "Networks":
        """The networks that `config` asks for."""
        teacher, shape = config.train_teacher, (config.size, config.size, 3)
        student = resnet.generator(resnet.Spec(config.ngf, config.blocks, separable=True))
        return cls(
            config,
            Supernet(student, parse_space(config.space, student), shape),
            resnet.generator(resnet.Spec(teacher.ngf, teacher.blocks)),
            cyclegan.task(patch(PatchSpec(config.ndf))),
        )

    def pictures(self, count: int, seed: int = 0) -> np.ndarray:
        """Random pictures (count h w 3)."""
        shape = (count, *self.supernet.shape)
        return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)

    @cached_property
    def teacher_macs(self) -> int:
        """True multiply-adds of the teacher for one picture."""
        count = cost.macs(self.teacher, *self.supernet.shape[:2], "true")
        return int(count(self.teacher.widths))

    @cached_property
    def judge_macs(self) -> int:
        """Multiply-adds of the discriminator for one picture."""
        return int(cost.macs(self.task.discriminator, *self.supernet.shape[:2], "true")({}))

    def supernet_step_macs(self, arch: Arch) -> int:
        """Multiply-adds of a once-for-all step at `arch`, per picture."""
        supernet = self.supernet
        trunk = supernet.space.widths(arch)["trunk"] * self.teacher.widths["trunk"]
        adaptors = len(supernet.generator.taps) * (supernet.shape[0] // 4) ** 2 * trunk
        student = supernet.true_macs(arch) + adaptors
        return self.teacher_macs + 3 * student + (2 + 3 * 2) * self.judge_macs
