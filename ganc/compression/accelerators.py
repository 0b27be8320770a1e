"""Settings that fill an accelerator, made from those that reproduce a paper."""

import dataclasses
from typing import Any, TypeVar

from ganc.compression.settings import Compression, Teaching
from ganc.nn.precision import Precision
from ganc.train.stage import Training

Config = TypeVar("Config")

TPU_V5E_8 = 64
"""Pictures of 256 px per step over the eight cores of a v5e slice, of 16 GB each."""
GPU = 32
"""Pictures of 256 px per step on a card of 80 GB."""


def in_precision(config: Config, precision: Precision) -> Config:
    """`config` with every training in that precision."""
    return _trainings(config, lambda stage: dataclasses.replace(stage, precision=precision))


def filled(config: Compression, pictures: int) -> Compression:
    """`config` with `pictures` in a step, as many all told, in bf16.

    Learning rates grow by the rule of the stage from the batch that they were published for.
    """

    def fill(stage: Any) -> Any:
        times = pictures / stage.batch
        return dataclasses.replace(
            stage,
            batch=pictures,
            constant_steps=round(stage.constant_steps / times),
            decay_steps=round(stage.decay_steps / times),
            rate_batch=stage.batch * stage.accumulate,
            precision="bf16",
        )

    return _trainings(config, fill)


def _trainings(config: Any, change: Any) -> Any:
    if isinstance(config, Training | Teaching):
        return change(config)
    inner = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    changed = {
        name: _trainings(value, change)
        for name, value in inner.items()
        if dataclasses.is_dataclass(value)
    }
    return dataclasses.replace(config, **changed)
