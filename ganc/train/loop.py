"""The training loop of every method.

Order of resumption: (1) the newest readable checkpoint of this stage in this workdir; (2) the state
that the caller passes in, fresh or from an earlier stage. Batches and random keys are functions of
the step, so a resumed run takes the very steps that an uninterrupted one would have taken.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganc.data.batches import Batch, prefetch
from ganc.errors import Preempted, RunError
from ganc.hosts.preemption import postponed
from ganc.runs import records
from ganc.runs.console import console, progress
from ganc.train.checkpoint import Checkpoints
from ganc.train.pace import Pace
from ganc.types import TrainState

THREADS = 4
"""Threads that decode pictures, at most: a quarter of the time each holds the interpreter's lock,
as `docs/scaling.md` has measured, so that more would wait for one another."""

Advance = Callable[[TrainState, Any, int], tuple[TrainState, dict[str, jax.Array]]]


def run(
    advance: Advance,
    state: TrainState,
    batches: Callable[[int], Batch],
    *,
    steps: int,
    directory: Path,
    log: Path,
    name: str,
    place: Callable[[Batch], Any] = lambda batch: batch,
    log_every: int = 50,
    checkpoint_every: int = 500,
    workers: int = 0,
) -> TrainState:
    """Trains up to `steps`, with checkpoints, a log and a progress bar or lines.

    Args:
        advance: `(state, batch, step) -> (state, scalars)`; may donate the state.
        state: where to begin if `directory` holds no checkpoint.
        batches: step -> batch.
        steps: the total number of steps, those of earlier runs included.
        directory: of the checkpoints.
        log: JSON lines of scalars, shared by the stages of a run.
        name: of the stage, in the log and before the progress bar.
        place: puts a batch on the devices.
        log_every: steps between rows of the log, which hold means since the row before.
        checkpoint_every: steps between checkpoints; what led to one is logged with it.
        workers: threads that decode pictures; 0: one for each core, up to `THREADS`.

    Raises:
        RunError: when a scalar is not finite, before anything of it is saved; or when a checkpoint
            cannot be written.
        Preempted: after a SIGTERM, when a checkpoint is written.
    """
    checkpoints = Checkpoints(directory)
    try:
        restored = checkpoints.restore(state)
        if restored is not None:
            state = restored
        start = int(state.step)
        if start:
            console.print(f"{name}: resuming at step {start} of {steps}")
        rows = records.read(log)
        kept = [row for row in rows if row["stage"] != name or row["step"] <= start]
        records.write(log, kept)
        window: list[dict[str, jax.Array]] = []
        workers = workers or min(THREADS, os.cpu_count() or 1)
        pace = Pace(workers)
        made = prefetch(pace.timed(batches), start, steps, workers=workers)
        with progress(name, steps, done=start) as bar, postponed() as asked:
            for step, batch in enumerate(pace.waited(made), start=start):
                state, scalars = advance(state, place(batch), step)
                window.append(scalars)
                done = step + 1
                stop = asked(done) and done < steps
                saved = done % checkpoint_every == 0 or done == steps or stop
                if done % log_every == 0 or saved:
                    row = _means(window)
                    _check_finite(row, done, checkpoints)
                    records.append(log, {"stage": name, "step": done, **row})
                    window.clear()
                    note = "  ".join(f"{k} {v:.3f}" for k, v in list(row.items())[:4])
                    bar.update(done, note)
                if saved:
                    checkpoints.save(done, state)
                if stop:
                    raise Preempted(
                        f"SIGTERM: {name} is saved at step {done} of {steps}; the same command "
                        "goes on"
                    )
        if str(pace):
            console.print(f"{name}: {pace}", highlight=False)
    finally:
        checkpoints.close()
    return state


def _means(window: list[dict[str, jax.Array]]) -> dict[str, float]:
    rows = jax.device_get(window)
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: float(np.mean([row[key] for row in rows if key in row])) for key in keys}


def _check_finite(row: dict[str, float], step: int, checkpoints: Checkpoints) -> None:
    bad = [key for key, value in row.items() if not np.isfinite(value)]
    if bad:
        raise RunError(
            f"{', '.join(bad)} stopped being a number by step {step}; the last good checkpoint is "
            f"of step {checkpoints.latest()}. A lower learning rate or another seed may help"
        )
