import jax
import numpy as np
import pytest

from ganc.errors import UserError
from ganc.models import resnet, store
from ganc.models.flat import params_sha256
from ganc.models.sparse import pack, unpack
from ganc.pruning.pruner import pruner
from ganc.types import Model


def test_packed_arrays_come_back_bit_for_bit():
    rng = np.random.default_rng(0)
    sparse = rng.normal(size=(3, 3, 5, 7)).astype(np.float32) * (rng.random((3, 3, 5, 7)) < 0.1)
    sparse[0, 0, 0, 0] = -0.0
    flat = {"a/kernel": sparse, "b/bias": np.zeros(4, np.float32), "c": np.ones((2, 2), np.float16)}
    packed = pack(flat)
    assert {"b/bias", "c"} < packed.keys() and "a/kernel" not in packed
    found = unpack(packed)
    assert found.keys() == flat.keys()
    for name, array in flat.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(
            found[name].view(f"u{array.itemsize}"), array.view(f"u{array.itemsize}")
        )


def test_a_pruned_model_is_stored_sparse_and_is_smaller(tmp_path, random_params):
    generator = resnet.generator(resnet.Spec(8, 3))
    params = random_params(generator)
    how = pruner(generator, "element")
    sparse = jax.device_get(how.apply(params, how.tighten(params, how.init(), 0.9)))
    size = {}
    for name, tree in (("dense", params), ("sparse", sparse)):
        store.save(tmp_path / name, Model(generator, tree), {})
        size[name] = (tmp_path / name / "params.npz").stat().st_size
        loaded = store.load(tmp_path / name)
        with np.load(tmp_path / name / "params.npz") as arrays:
            written = sum(array.nbytes for array in arrays.values())
        assert store.stored_bytes(loaded) == written
        assert params_sha256(loaded.params) == params_sha256(tree)
    assert size["sparse"] < 0.3 * size["dense"]


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("values", np.zeros(3, np.float32), "3 values for"),
        ("shape", np.array([2**40, 2**20]), "do not fit its shape"),
        ("shape", np.array([-1, -8]), "do not fit its shape"),
        ("bits", np.zeros(5, np.uint8), "do not fit its shape"),
        ("bits", np.zeros(1, np.float32), "do not fit its shape"),
        ("values", None, "lacks its values"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_they_take_memory(part, value, message):
    packed = pack({"kernel": np.eye(2, 4, dtype=np.float32)})
    packed[f"kernel.{part}"] = value
    with pytest.raises(ValueError, match=message):
        unpack({name: array for name, array in packed.items() if array is not None})


def test_a_damaged_sparse_model_is_refused_in_one_line(tmp_path, random_params):
    generator = resnet.generator(resnet.Spec(4, 3))
    params = jax.tree.map(lambda leaf: np.where(leaf > 0, leaf, 0), random_params(generator))
    store.save(tmp_path / "model", Model(generator, params), {})
    with np.load(tmp_path / "model" / "params.npz") as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    kept["stem/kernel.values"] = kept["stem/kernel.values"][:-1]
    np.savez(tmp_path / "model" / "params.npz", **kept)
    with pytest.raises(UserError, match="is damaged"):
        store.load(tmp_path / "model")
