"""How long the stages of a run took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ganc.runs.workdir import Workdir


class Clock:
    """`with clock("search"): ...` adds to the seconds of a stage, all resumptions that ended."""

    def __init__(self, work: Workdir):
        self._work = work

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Times the body; what a kill cuts short is not counted."""
        start = time.monotonic()
        yield
        seconds = self.seconds().get(stage, 0.0) + time.monotonic() - start
        self._work.complete(stage, {"seconds": round(seconds, 1)})

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds."""
        return {stage: result["seconds"] for stage, result in self._work.stages().items()}
