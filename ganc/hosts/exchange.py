"""What the processes of a run tell each other; in a run of one process, all of it is free."""

import jax
import numpy as np
from jax.experimental import multihost_utils


def count() -> int:
    """Processes of this run."""
    return jax.process_count() if jax.distributed.is_initialized() else 1


def index() -> int:
    """Which of them this is, from 0."""
    return jax.process_index() if count() > 1 else 0


def leads() -> bool:
    """Whether this is the process that writes what people read: the first."""
    return index() == 0


def share(length: int) -> range:
    """The places among `length` that fall to this process; the parts of all are in their order."""
    return range(index() * length // count(), (index() + 1) * length // count())


def barrier(name: str) -> None:
    """Waits until every process is here."""
    if count() > 1:
        multihost_utils.sync_global_devices(name)


def everyone(flag: bool) -> bool:
    """Whether `flag` holds in every process; all ask at once."""
    return bool(gather(np.array([flag])).all())


def gather(rows: np.ndarray) -> np.ndarray:
    """The rows (n ...) of all processes in their order, n of each; bit for bit, whatever the type.

    All call it at once. Rows have one shape everywhere, but a process may have none.
    """
    if count() == 1:
        return rows
    lengths = np.ravel(multihost_utils.process_allgather(np.int32(len(rows))))
    filled = np.zeros((max(lengths.max(), 1), *rows.shape[1:]), rows.dtype)
    filled[: len(rows)] = rows
    # Bytes: JAX would round what has 64 bits.
    all_ = multihost_utils.process_allgather(np.frombuffer(filled.tobytes(), np.uint8))
    parts = np.frombuffer(np.asarray(all_).tobytes(), rows.dtype).reshape(-1, *filled.shape)
    return np.concatenate([part[:n] for part, n in zip(parts, lengths, strict=True)])


def first(rows: np.ndarray) -> np.ndarray:
    """The rows (n ...) of the first process, for all, which call it at once.

    It is for what decides how a run goes on and may differ between hosts in its last bits.
    """
    return gather(rows if leads() else rows[:0])


def agreed(text: str) -> str:
    """The first process's `text`; all call it at once."""
    return first(np.frombuffer(text.encode(), np.uint8)).tobytes().decode()
