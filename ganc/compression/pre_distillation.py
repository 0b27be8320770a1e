"""The original pipeline before its supernet: a student that its teacher starts learns alone.

Teacher and student are mobile networks of one family. The student takes over the most important
channels of its teacher, and the discriminator that its teacher was trained against; then it
imitates its teacher as one network, and what comes of it begins as the supernet.

Reference: Li et al. 2020 (arXiv 2003.08936), released code.

Differs from the reference: the adaptors go on with the rest, where the reference begins them anew.
"""

from pathlib import Path

from ganc.compression.run import Run
from ganc.compression.settings import Compression
from ganc.compression.specialise import Student
from ganc.errors import UserError
from ganc.methods import once_for_all as ofa
from ganc.methods.inherit import check_inherits, inherit, rank
from ganc.models import store
from ganc.runs.console import console
from ganc.tasks.task import Task
from ganc.types import Discriminator, Generator, Params, TrainState

JUDGE = "discriminator"
"""The directory of a run that keeps the discriminator of its teacher."""


def check_teacher(config: Compression, task: Task, student: Generator, teacher: Generator) -> None:
    """Refuses, before anything is made, a teacher that cannot start the student.

    Raises:
        UserError: see `check_inherits`; or its discriminator is another.
    """
    check_inherits(student, teacher)
    path = Path(config.teacher).expanduser() / JUDGE
    if (path / "model.json").exists():
        _load(path, task.discriminator)


def keep_judge(run: Run, teacher: str) -> None:
    """Keeps the discriminator that belongs to a given `teacher`; a trained one has left its own."""
    path = Path(teacher).expanduser() / JUDGE
    if (path / "model.json").exists():
        judge = run.task.discriminator
        about = {"task": run.task.name, "data": run.data.name}
        store.save_discriminator(run.work.path / JUDGE, judge, _load(path, judge), about)


def pre_distil(players: Student, config: Compression) -> TrainState:
    """The student, whole, after its training alone."""
    run, stage, path = players.run, config.pre_distillation, players.run.work.path / JUDGE
    judge = None
    if (path / "model.json").exists():
        judge = _load(path, run.task.discriminator)
    else:
        console.print("the teacher comes without its discriminator: a new one begins at random")
    start = inherit(players.method.student, players.teacher, rank)
    state = players.begin(stage, start=start, judge=judge)
    space = players.supernet.space
    classes = ofa.single_class(space, space.largest)
    return players.train("pre_distillation", state, classes, stage, run.seed + 2)


def _load(path: Path, expected: Discriminator) -> Params:
    found, params = store.load_discriminator(path)
    if found.spec != expected.spec:
        raise UserError(
            f"{path} holds a discriminator {found.spec}, this run needs {expected.spec}: "
            "--ndf must be that of the teacher's training"
        )
    return params
