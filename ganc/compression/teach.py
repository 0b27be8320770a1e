"""A run that trains a teacher and nothing else."""

from pathlib import Path

from ganc.compression.finish import finish, show
from ganc.compression.run import Run, open_data
from ganc.compression.settings import Teaching
from ganc.compression.teacher import check_size, earlier_checkpoints
from ganc.data.pictures import show_size
from ganc.runs.workdir import Workdir
from ganc.scores.row import Row
from ganc.tasks.task import Task
from ganc.types import Generator


def teach(
    experiment: str, config: Teaching, workdir: Path, *, task: Task, generator: Generator
) -> list[Row]:
    """Trains `generator` for `task`, or resumes; returns the rows of the final table.

    Args:
        experiment: the module of the experiment, for its workdir and its report.
        config: how to train.
        workdir: of the run.
        task: what is translated.
        generator: of one direction.

    Raises:
        UserError: the configuration cannot be run; no workdir is made then.
    """
    data = open_data(config, task)
    if config.start:
        earlier_checkpoints(config)
    shape = (*config.sides, generator.channels_in)
    check_size("the generator", generator, shape, data)
    run = Run(Workdir(workdir, experiment, config), data, task, shape, config.seed)
    if run.complete:
        return show(run)
    with run.stage("teacher"):
        model = run.teacher(None, config, generator)
    with run.stage("evaluate"):
        finish(
            run,
            {"teacher": model},
            title=f"Teacher: {data.name} at {show_size(run.shape)} px",
            facts={"start": config.start} if config.start else {},
            feature_size=config.feature_size,
        )
    return show(run)
