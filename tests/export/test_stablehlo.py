import sys

import jax
import numpy as np
import pytest
from jax import export

from ganc import cli
from ganc.errors import RunError, UserError
from ganc.export import stablehlo
from ganc.models import munit, resnet, store
from ganc.models.families import generator
from ganc.types import Model

pytest.importorskip("flatbuffers")


@pytest.fixture
def model(toy, random_params):
    made = toy(2, norm=True)
    return Model(made, random_params(made))


def test_any_batch_and_size(model):
    loaded = export.deserialize(bytearray(stablehlo.serialise(model)))
    assert loaded.platforms == ("cpu", "cuda", "tpu")
    for shape in ((1, 8, 10, 3), (2, 6, 4, 3)):
        x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
        expected = jax.jit(model.generator.apply)(model.params, x).image
        np.testing.assert_allclose(loaded.call(x), expected, atol=1e-5)


def test_operations_that_stay_whole_are_lowered():
    made = generator(munit.Spec(2, blocks=2, style_dim=3, mlp_dim=4))
    params = jax.tree.map(
        lambda leaf: np.full(leaf.shape, 0.1, np.float32),
        jax.eval_shape(made.init, jax.random.key(0)),
    )
    data = stablehlo.serialise(Model(made, params))
    assert [len(aval.shape) for aval in export.deserialize(bytearray(data)).in_avals] == [4, 2]


def test_a_file_and_mistakes(tmp_path, random_params, capsys, monkeypatch):
    made = resnet.generator(resnet.Spec(2, blocks=3))
    store.save(tmp_path / "model", Model(made, random_params(made)), {})
    arguments = [str(tmp_path / "model"), str(tmp_path / "a")]
    monkeypatch.setattr(stablehlo, "check", lambda *_: 0.0)
    cli.run(stablehlo.main, [*arguments, "--size", "16", "24"])
    assert "bytes for cpu, cuda, tpu" in capsys.readouterr().out
    found = export.deserialize(bytearray((tmp_path / "a").read_bytes()))
    assert found.in_avals[0].shape[1:] == (16, 24, 3)
    for name, flags, message in (
        ("a", [], "exists; give another name"),
        ("b", ["--size", "16", "25"], "multiples of 4"),
    ):
        with pytest.raises(SystemExit) as end:
            cli.run(stablehlo.main, [arguments[0], str(tmp_path / name), *flags])
        error = capsys.readouterr().err
        assert end.value.code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "b").exists()


def test_a_missing_library_is_named(model, monkeypatch):
    for name in [name for name in sys.modules if name.endswith("serialization")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    with pytest.raises(UserError, match="need flatbuffers: pip install 'ganc\\[export\\]'"):
        stablehlo.serialise(model)


def test_other_pictures_are_refused(model):
    data = stablehlo.serialise(model)
    assert stablehlo.check(data, model, None, False) < 1e-5
    other = model._replace(params=jax.tree.map(lambda leaf: leaf * 2, model.params))
    with pytest.raises(RunError, match="nothing was written"):
        stablehlo.check(data, other, None, False)
