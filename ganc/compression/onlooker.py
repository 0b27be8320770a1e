"""Someone who looks on while a student is trained, such as a cell of a notebook.

Looking changes nothing that is computed: it is given copies, when a step is done.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ganc.types import Model, TrainState

Look = Callable[[str, int, Callable[[], Model]], object]
"""`look(stage, step, model)`: after a step; `model()` cuts out the student as it is then."""

_look: ContextVar[Look | None] = ContextVar("look", default=None)


@contextmanager
def onlooker(look: Look) -> Iterator[None]:
    """Inside, `look` is called after every step of a training of students."""
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)


def seen(step: Any, name: str, student: Callable[[TrainState], Model]) -> Any:
    """`step` of the stage `name`, after which the onlooker looks, if there is one.

    Args:
        step: as `ganc.train.loop` takes it; its method `lower`, if it has one, is kept.
        name: of the stage.
        student: of a state, the student to be seen.
    """
    look = _look.get()
    if look is None:
        return step

    def advance(state: TrainState, batch: Any, index: int):
        done, scalars = step(state, batch, index)
        look(name, index + 1, lambda: student(done))
        return done, scalars

    if hasattr(step, "lower"):
        advance.lower = step.lower  # type: ignore[attr-defined]
    return advance
