"""How much memory a training stage takes, said before it starts."""

import os
from collections.abc import Iterable
from typing import Any

import jax

from ganc.errors import UserError
from ganc.runs.console import console

GB = 1e9


def check_footprint(
    name: str, programs: Iterable[jax.stages.Lowered], state: Any, devices: int
) -> None:
    """Prints about how much memory a stage takes on a device, and refuses what does not fit.

    It is what the compiler says that the largest of the programs takes, and the state, of which
    that program may see a part. Programs are compiled once: what is compiled here is not compiled
    again when the stage runs it.

    Args:
        name: of the stage.
        programs: that the stage runs, those of them that may take the most.
        state: what the stage keeps on every device.
        devices: that the stage runs on.

    Raises:
        UserError: the device, or a machine whose processors are the devices, has less.
    """
    kept = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    sizes = [size for size in (program_bytes(each, kept) for each in programs) if size is not None]
    if not sizes:
        return
    needed, (limit, shared) = max(sizes), capacity()
    check_bytes(
        name,
        needed * (devices if shared else 1),
        limit,
        advice="fewer pictures in a step, smaller ones, crops of them or narrower networks help",
    )


def program_bytes(lowered: jax.stages.Lowered, kept: int = 0) -> int | None:
    """Bytes that a program takes, with what it is given or, if that is more, what is `kept`.

    None where the backend does not know.
    """
    program = lowered.compile().memory_analysis()
    if program is None:
        return None
    needed = max(kept, program.argument_size_in_bytes) + program.temp_size_in_bytes
    return needed + program.output_size_in_bytes - program.alias_size_in_bytes


def check_bytes(name: str, needed: int, limit: int, *, advice: str) -> None:
    """Prints what a stage takes, and refuses it where that is more than `limit`; 0: nobody knows.

    Raises:
        UserError: it does not fit; `advice` says what would.
    """
    have = f" of {limit / GB:.3g} GB" if limit else ""
    console.print(f"{name}: takes about {needed / GB:.2g} GB{have}", highlight=False)
    if limit and needed > limit:
        raise UserError(
            f"the stage {name} would take {needed / GB:.3g} GB, {jax.devices()[0].device_kind} has "
            f"{limit / GB:.3g} GB; {advice}"
        )


def capacity() -> tuple[int, bool]:
    """Bytes that a device says it has, and whether all devices share them; 0 if nobody knows."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"]), False
    if jax.default_backend() != "cpu":
        return 0, False
    return machine_memory(), True


def machine_memory() -> int:
    """Bytes that this machine has; 0 if nobody knows."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0
