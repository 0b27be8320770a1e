"""Atomic checkpoints of a `TrainState`, and what to do when one is damaged."""

import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from ganc.errors import RunError, one_line
from ganc.hosts.membership import settle
from ganc.hosts.mirror import original
from ganc.runs.console import console

_SUMS = "crc32"


def _sums(state: Any) -> list[int | None]:
    """A checksum of each array; None of those of which this process holds a part alone."""
    return [
        zlib.crc32(np.ascontiguousarray(leaf).tobytes())
        if getattr(leaf, "is_fully_replicated", True)
        else None
        for leaf in jax.tree.leaves(state)
    ]


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
            self._manager.save(
                step,
                args=ocp.args.StandardSave(state),
                custom_metadata={_SUMS: _sums(state)},
                force=True,
            )
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
                state = self._manager.restore(step, args=ocp.args.StandardRestore(target))
                self._check(step, state)
                return state
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is unusable
                settle()
                reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
                console.print(
                    f"checkpoint of step {step} is damaged ({one_line(reason)}); trying the one "
                    "before it",
                    style="yellow",
                    markup=False,
                    soft_wrap=True,
                )
                if remove:
                    self._manager.delete(step)
        return None

    def _check(self, step: int, state: Any) -> None:
        # Of what the files hold, some bytes are covered by no checksum of the format.
        about = self._manager.metadata(step).custom_metadata or {}
        for known, found in zip(about.get(_SUMS, []), _sums(state), strict=False):
            if None not in (known, found) and known != found:
                raise ValueError("its arrays are not those that were saved")

    def close(self) -> None:
        """Releases the background threads of the manager."""
        self._manager.close()
