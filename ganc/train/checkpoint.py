"""Atomic checkpoints of a `TrainState`, and what to do when one is damaged."""

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from ganc.errors import RunError
from ganc.hosts.membership import settle
from ganc.hosts.mirror import original
from ganc.runs.console import console


class Checkpoints:
    """The last few checkpoints of one training run, in one directory.

    A save is complete or invisible: it is written beside its place and renamed, so neither a kill
    nor a full disk touches the one before it.
    """

    def __init__(self, directory: Path, keep: int = 2):
        self._directory = original(directory)  # of all processes together
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(self._directory, options=options)

    def save(self, step: int, state: Any) -> None:
        """Writes `state`, and waits until it is on disk.

        Raises:
            RunError: if the disk is full or not writable; earlier checkpoints stay.
        """
        try:
            self._manager.save(step, args=ocp.args.StandardSave(state), force=True)
            self._manager.wait_until_finished()
        except Exception as error:  # orbax wraps the system's error in several ways
            settle()
            last = self.latest()
            kept = (
                "there is none before it"
                if last is None
                else f"the last good one is of step {last}"
            )
            raise RunError(
                f"checkpoint of step {step} could not be written to {self._directory} ({error}); "
                f"{kept}"
            ) from error

    def latest(self) -> int | None:
        """The step of the newest checkpoint, None without any."""
        return max(self._manager.all_steps(), default=None)

    def restore(self, like: Any, *, remove: bool = True) -> Any | None:
        """The newest checkpoint that can be read, on the devices of `like`; None without any.

        A damaged one is named on the console and the one before it taken; with `remove` it is
        removed, so that its place is free.
        """

        def abstract(leaf):
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)

        target = jax.tree.map(abstract, like)
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                return self._manager.restore(step, args=ocp.args.StandardRestore(target))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is unusable
                settle()
                reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
                console.print(
                    f"[yellow]checkpoint of step {step} is damaged ({reason}); trying the one "
                    "before it[/]"
                )
                if remove:
                    self._manager.delete(step)
        return None

    def close(self) -> None:
        """Releases the background threads of the manager."""
        self._manager.close()
