"""Data parallelism: one program for one device or many.

Batches are split over a one-dimensional mesh, parameters replicated; `jit` inserts the sums over
devices. `jax.pmap`, in maintenance since JAX 0.8, is the same thing underneath.
"""

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P


def data_mesh(batch_size: int) -> Mesh:
    """A mesh over as many local devices as divide the batch."""
    devices = jax.local_devices()
    count = max(n for n in range(1, len(devices) + 1) if batch_size % n == 0)
    return jax.make_mesh((count,), ("data",), axis_types=(AxisType.Auto,), devices=devices[:count])


def split(mesh: Mesh) -> NamedSharding:
    """Leading axis over the devices."""
    return NamedSharding(mesh, P("data"))


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, P())


def replicate(tree, mesh: Mesh):
    """A copy of `tree` on every device of the mesh, sharing no buffer with the original."""
    # device_put would alias the buffer on device 0, and donating the copy would kill the original.
    return jax.jit(lambda t: jax.tree.map(lambda x: x.copy(), t), out_shardings=replicated(mesh))(
        tree
    )
