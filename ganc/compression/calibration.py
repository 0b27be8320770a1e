"""The training pictures that running statistics are measured with, and models for which they were.

What a network measured while it learned belongs to none that is kept: not to a subnet, not to a
pruned one, and not to a running average of weights, whose activations vary less than those of any
weights that it is the average of.
"""

import jax.numpy as jnp
import numpy as np

from ganc.data.dataset import Dataset
from ganc.data.pictures import Size, some, stack
from ganc.models.statistics import recalibrate
from ganc.tasks.task import Task
from ganc.types import Model

COUNT = 64
"""Training pictures that running statistics are measured with."""


def calibration(data: Dataset, size: Size) -> np.ndarray:
    """Training pictures of domain a to measure running statistics with, (n h w c)."""
    return stack(some(data.train_a, COUNT), size, data.encode)


def recalibrated(model: Model, task: Task, data: Dataset, size: Size) -> Model:
    """`model` with the running statistics of its own weights, where it has any.

    Args:
        model: whose statistics are of other weights.
        task: what it is given beside pictures.
        data: what it translates.
        size: (h, w) of whole pictures, px.
    """
    if not model.generator.statistics:
        return model
    pictures = jnp.asarray(calibration(data, size))
    options = task.styled(len(pictures))
    params = recalibrate(model.generator, model.params, [pictures], **options)
    return model._replace(params=params)
