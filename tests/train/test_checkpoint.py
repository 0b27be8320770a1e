import gc
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.errors import RunError
from ganc.train import checkpoint
from ganc.train.checkpoint import Checkpoints


def state(value):
    return {"w": jnp.full((3, 2), float(value)), "step": jnp.int32(value)}


@pytest.fixture
def three(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run", keep=2)
    for step in (1, 2, 3):
        checkpoints.save(step, state(step))
    yield checkpoints
    checkpoints.close()


def files(directory):
    return [path for path in directory.rglob("*") if path.is_file()]


def test_the_newest_comes_back_and_the_oldest_are_removed(three, tmp_path):
    assert three.latest() == 3
    back = three.restore(state(0))
    np.testing.assert_array_equal(back["w"], np.full((3, 2), 3.0))
    assert back["step"] == 3 and back["w"].sharding == state(0)["w"].sharding
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if p.name.isdigit()) == ["2", "3"]


def test_nothing_is_none(tmp_path):
    checkpoints = Checkpoints(tmp_path / "none")
    assert checkpoints.latest() is None and checkpoints.restore(state(0)) is None
    checkpoints.close()


def truncate(directory):
    for path in files(directory):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(directory):
    for path in files(directory):
        path.unlink()


# A read that fails leaves coroutines of orbax behind that nobody awaits.
forgotten = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@forgotten
@pytest.mark.parametrize("damage", [truncate, empty])
def test_a_damaged_one_is_named_and_the_one_before_it_taken(tmp_path, capsys, damage):
    first = Checkpoints(tmp_path)
    for step in (1, 2):
        first.save(step, state(step))
    first.close()
    damage(tmp_path / "2")
    second = Checkpoints(tmp_path)
    assert second.restore(state(0))["step"] == 1
    assert "checkpoint of step 2 is damaged" in capsys.readouterr().out.replace("\n", " ")
    second.save(2, state(5))  # the place is free again
    assert second.restore(state(0))["step"] == 5
    second.close()
    gc.collect()


@forgotten
def test_no_byte_is_changed_unnoticed(tmp_path, capsys):
    """Every file, damaged at one place: what comes back is what was saved, at once or before."""
    first = Checkpoints(tmp_path / "run")
    for step in (1, 2):
        first.save(step, state(step))
    first.close()
    rng, fell_back = np.random.default_rng(0), 0
    for place, name in enumerate(sorted(str(f.relative_to(tmp_path)) for f in files(tmp_path))):
        if "/2/" not in name or not (tmp_path / name).stat().st_size:
            continue
        shutil.copytree(tmp_path / "run", tmp_path / f"{place}" / "run")
        damaged = tmp_path / f"{place}" / name
        content = bytearray(damaged.read_bytes())
        content[rng.integers(len(content))] ^= 0xFF
        damaged.write_bytes(content)
        checkpoints = Checkpoints(damaged.parents[len(damaged.relative_to(tmp_path).parts) - 3])
        back = checkpoints.restore(state(0))
        checkpoints.close()
        assert int(back["step"]) in (1, 2), name
        np.testing.assert_array_equal(back["w"], state(int(back["step"]))["w"])
        fell_back += int(back["step"] == 1)
    assert fell_back >= 2
    assert capsys.readouterr().out.count("is damaged") == fell_back
    gc.collect()


def test_a_checksum_tells_arrays_apart(three, monkeypatch, capsys):
    monkeypatch.setattr(three._manager, "delete", lambda step: None)
    real, calls = checkpoint._sums, []

    def sums(tree):
        calls.append(tree)
        return [None if len(calls) > 1 else 0, *real(tree)[1:]]

    monkeypatch.setattr(checkpoint, "_sums", sums)
    # The first array of step 3 is not what was saved; of step 2 nothing is known of it.
    assert three.restore(state(0))["step"] == 2
    assert "step 3 is damaged (its arrays are not those that were saved)" in capsys.readouterr().out


@forgotten
def test_a_state_of_other_shapes_is_not_restored(three, capsys):
    other = {"w": jnp.zeros((4, 2)), "step": jnp.int32(0)}
    assert three.restore(other, remove=False) is None
    assert three.latest() == 3
    assert three.restore(other) is None
    assert three.latest() is None
    assert "damaged" in capsys.readouterr().out
    gc.collect()


def test_a_save_that_fails_says_what_is_left(three, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(three._manager, "save", full)
    with pytest.raises(RunError, match=r"step 4 .*No space left.*last good one is of step 3"):
        three.save(4, state(4))
    assert jax.device_get(three.restore(state(0))["step"]) == 3
