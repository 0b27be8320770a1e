"""Data parallelism: one program for one device or many, of one host or many.

Batches are split over a one-dimensional mesh, parameters replicated; `jit` inserts the sums over
devices. `jax.pmap`, in maintenance since JAX 0.8, is the same thing underneath.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from ganc import hosts
from ganc.errors import UserError


def data_mesh(batch_size: int, *, alone: bool = False) -> Mesh:
    """A mesh over as many devices as divide the batch, equally many of each process, in its order.

    Args:
        batch_size: rows that are split.
        alone: over the devices of this process and no other.

    Raises:
        UserError: the batch cannot be divided among the processes.
    """
    devices, processes = jax.local_devices(), 1 if alone else hosts.count()
    if batch_size % processes:
        raise UserError(
            f"a step of {batch_size} pictures cannot be shared by {processes} processes; its batch "
            f"must be a multiple of {processes}"
        )
    rows = batch_size // processes
    count = max(n for n in range(1, len(devices) + 1) if rows % n == 0)
    if not alone and processes > 1:
        by_process: dict[int, list[Any]] = {}
        for device in jax.devices():
            by_process.setdefault(device.process_index, []).append(device)
        devices = [d for process in sorted(by_process) for d in by_process[process][:count]]
    else:
        devices = devices[:count]
    # Not make_mesh: it may order them by their wires, and rows should be in the order of processes.
    return Mesh(np.asarray(devices), ("data",), axis_types=(AxisType.Auto,))


def split(mesh: Mesh) -> NamedSharding:
    """Leading axis over the devices."""
    return NamedSharding(mesh, P("data"))


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, P())


def place(batch: Mapping[str, np.ndarray], mesh: Mesh) -> Any:
    """A batch on the devices, of which `batch` are the rows of this process."""
    if hosts.count() == 1:
        return jax.device_put(batch, split(mesh))
    put = jax.make_array_from_process_local_data
    return {name: put(split(mesh), np.asarray(rows)) for name, rows in batch.items()}


def replicate(tree, mesh: Mesh):
    """A copy of `tree` on every device of the mesh, sharing no buffer with the original."""
    if hosts.count() > 1:
        put, everywhere = jax.make_array_from_process_local_data, replicated(mesh)
        return jax.tree.map(lambda x: put(everywhere, np.array(x)), tree)
    # device_put would alias the buffer on device 0, and donating the copy would kill the original.
    return jax.jit(lambda t: jax.tree.map(lambda x: x.copy(), t), out_shardings=replicated(mesh))(
        tree
    )


def own(tree, mesh: Mesh):
    """`tree` as arrays of this process alone, which it can compute with by itself."""
    if hosts.count() == 1:
        return tree
    tree = jax.jit(lambda t: t, out_shardings=replicated(mesh))(tree)
    return jax.tree.map(lambda x: x.addressable_data(0), tree)
