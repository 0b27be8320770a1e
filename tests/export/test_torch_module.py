import dataclasses
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from odd_network import odd_network

from ganc import cli
from ganc.errors import RunError
from ganc.export import torch as program
from ganc.export.module import file
from ganc.export.module.source import module
from ganc.export.onnx.network import network
from ganc.models import munit, resnet, spade, store, unet
from ganc.models.families import generator
from ganc.nn import conv
from ganc.types import Model, Output

torch = pytest.importorskip("torch")

SPECS = {
    "resnet": resnet.Spec(4, blocks=3),
    "mobile": resnet.Spec(4, blocks=3, separable=True, norm="batch"),
    "munit": munit.Spec(2, separable=True, blocks=2, style_dim=3, mlp_dim=4),
    "spade": spade.Spec(2, labels=5, upsampling="normal"),
    "unet": unet.Spec(2, downs=5),
}
"""Together they have the operators of all families."""


@pytest.fixture(autouse=True)
def plain_convolutions(monkeypatch):
    monkeypatch.setattr(conv, "_on_cpu", lambda form: False)  # they compile in half the time


def built(model, size=None):
    made = network(model, size=size)
    return made, module(made, "a test", "a.pth")


@pytest.mark.parametrize("name", SPECS)
def test_a_family_draws_what_jax_draws(name, random_params):
    made = generator(SPECS[name])
    model = Model(made, random_params(made))
    graph, source = built(model)
    assert file.check(source, graph, model) < 1e-4
    assert "import torch\n" in source.source and "ganc" not in source.source
    assert not any(word in source.source for word in ("jax", "numpy"))


def test_an_arrangement_of_everything_else(toy):
    model = Model(*odd_network(toy))
    graph, source = built(model)
    assert file.check(source, graph, model) < 1e-4


def test_numbers_and_shapes_that_are_made_of_sizes(toy):
    def apply(params, x):
        count = jnp.sqrt(jnp.float32(x.shape[1] * x.shape[2]) / x.shape[0] + 1)
        rows = jnp.broadcast_to(count, x.shape) * jnp.max(x, axis=2, keepdims=True)
        return Output(jnp.tanh(rows / jnp.maximum(count, 2.0)) * params["w"], {})

    made = dataclasses.replace(toy(2), minimum=8, apply=apply)
    model = Model(made, {"w": np.float32([[[[1, 2, 3]]]])})
    graph, source = built(model)
    assert file.check(source, graph, model) < 1e-4


def test_one_sided_padding_of_transposed_convolutions(toy):
    def apply(params, x):
        convolve = partial(jax.lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        y = convolve(x, params["w"], (1, 1), [(2, 1), (1, 2)], lhs_dilation=(2, 2))
        return Output(convolve(y, params["w"], (2, 2), [(1, 0), (0, 1)]), {})

    rng = np.random.default_rng(0)
    made = dataclasses.replace(toy(2), minimum=8, apply=apply)
    model = Model(made, {"w": np.float32(rng.normal(0, 0.3, (3, 3, 3, 3)))})
    graph, source = built(model)
    assert file.check(source, graph, model) < 1e-4


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    made = generator(SPECS["mobile"])
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(made.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.abs(np.float32(rng.normal(0, 0.1, leaf.shape))), shapes)
    path = tmp_path_factory.mktemp("stored") / "model"
    store.save(path, Model(made, params, (4,) * 8), {})
    return path


def test_a_file_that_needs_torch_alone(stored, tmp_path, capsys):
    out = tmp_path / "student.py"
    cli.run(program.main, [str(stored), "--out", str(out), "--module"])
    assert "need PyTorch alone" in capsys.readouterr().out
    code = """
import sys
import torch
from student import load
with torch.no_grad():
    picture = load("student.pth")(torch.zeros(2, 3, 16, 24))
assert picture.shape == (2, 3, 16, 24) and picture.abs().max() <= 1
assert not {"jax", "ganc", "onnx"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_mistakes_leave_nothing(stored, tmp_path, capsys, monkeypatch):
    (tmp_path / "there.pth").write_text("mine")
    for source, name, message in (
        (stored, "there.py", "there.pth exists"),
        (stored, "student.pth", "ends in .py"),
        (tmp_path / "there.pth", "student.py", "is made of a model directory"),
    ):
        with pytest.raises(SystemExit) as end:
            cli.run(program.main, [str(source), "--out", str(tmp_path / name), "--module"])
        error = capsys.readouterr().err
        assert end.value.code == 2 and message in error and error.count("\n") == 1
    monkeypatch.setattr(file, "CLOSE", -1)
    with pytest.raises(RunError, match="nothing was written"):
        file.write(store.load(stored), tmp_path / "student.py")
    assert [path.name for path in tmp_path.iterdir()] == ["there.pth"]
