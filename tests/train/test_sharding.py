import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.train import sharding


@pytest.mark.parametrize(("batch", "devices"), [(1, 1), (2, 2), (3, 1), (4, 2)])
def test_as_many_devices_as_divide_the_batch(batch, devices):
    assert len(jax.local_devices()) == 2
    mesh = sharding.data_mesh(batch)
    assert (mesh.axis_names, mesh.size) == (("data",), devices)


def test_batches_are_split_and_parameters_whole():
    mesh = sharding.data_mesh(4)
    x = jax.device_put(np.arange(8.0).reshape(4, 2), sharding.split(mesh))
    assert [shard.data.shape for shard in x.addressable_shards] == [(2, 2)] * 2
    y = jax.device_put(np.arange(8.0), sharding.replicated(mesh))
    for shard in y.addressable_shards:
        np.testing.assert_array_equal(shard.data, np.arange(8.0))


@pytest.mark.parametrize("batch", [1, 4])
def test_a_copy_outlives_its_donation_and_so_does_the_original(batch):
    mesh = sharding.data_mesh(batch)
    original = {"w": jnp.arange(4.0), "step": jnp.int32(3)}
    copy = sharding.replicate(original, mesh)
    assert copy["w"].sharding == sharding.replicated(mesh)
    new = jax.jit(lambda t: jax.tree.map(lambda v: v + 1, t), donate_argnums=0)(copy)
    assert copy["w"].is_deleted()
    np.testing.assert_array_equal(original["w"], np.arange(4.0))
    assert original["step"] == 3
    np.testing.assert_array_equal(new["w"], np.arange(1.0, 5.0))
