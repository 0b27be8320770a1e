"""Networks of one's own on the command line: their definition is named, and nothing else runs."""

import json
import sys

import jax
import numpy as np
import pytest
from PIL import Image

from ganc import channels
from ganc.__main__ import main
from ganc.discovery import imported as importing
from ganc.discovery.__main__ import main as show
from ganc.discovery.imported import imported
from ganc.errors import UserError
from ganc.models import store
from ganc.types import Model

DEFINITION = """
import numpy as np
import jax.numpy as jnp
from jax import lax

from ganc.discovery.generator import own


def convolve(x, kernel):
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def network(params, x):
    y = convolve(x, params["enter"])
    y = (y - y.mean((1, 2), keepdims=True)) / jnp.sqrt(y.var((1, 2), keepdims=True) + 1e-5)
    return jnp.tanh(convolve(jnp.maximum(y, 0), params["leave"]))


def weights(width=4):
    rng = np.random.default_rng(0)
    sizes = {"enter": (3, 3, 3, width), "leave": (1, 1, width, 3)}
    return {name: np.float32(rng.normal(0, 0.5, size)) for name, size in sizes.items()}


EXAMPLE = np.zeros((1, 8, 8, 3), np.float32)
value = own(network, weights(), EXAMPLE, minimum=4)


def plain():
    return network, weights(), EXAMPLE


def other():
    return own(lambda p, x: 0.5 * network(p, x), weights(), EXAMPLE, minimum=4)


def broken():
    raise KeyError("no such thing")


number = 3
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the definition, a pruned model, a picture and a searched supernet."""
    path = tmp_path_factory.mktemp("own")
    (path / "my_network.py").write_text(DEFINITION)
    sys.path.append(str(path))
    generator = imported("my_network:value")
    whole = generator.init(jax.random.key(0))
    keep = {"enter": np.array([0, 3])}
    small = channels.slice_params(whole, generator.axes, keep)
    store.save(path / "model", Model(generator, small, (2,)), {"data": "toy", "shape": [8, 8, 3]})
    (path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(pixels).save(path / "in" / "a.png")
    store.save(path / "run/supernet", Model(generator, whole), {"data": "toy", "shape": [8, 8, 3]})
    row = {"arch": "3", "macs": {"published": 9}, "score": 1.0, "generation": 0}
    (path / "run/search.jsonl").write_text(json.dumps(row) + "\n")
    yield path
    sys.path.remove(str(path))


def say(capfd, *argv):
    """The exit code, and what was printed."""
    code = 0
    try:
        main([str(word) for word in argv])
    except SystemExit as end:
        code = end.code or 0
    return code, *capfd.readouterr()


@pytest.mark.parametrize("name", ["value", "plain"])
def test_info(place, capfd, name):
    code, out, _ = say(capfd, "info", place / "model", "--network", f"my_network:{name}")
    assert code == 0 and "family: own name own" in out and "parameters: 60" in out


def test_translate(place, capfd):
    argv = ("translate", place / "model", place / "in", place / "out")
    code, _, error = say(capfd, *argv, "--network", "my_network:value")
    assert (code, error) == (0, "")
    model = store.load(place / "model", imported("my_network:value"))
    x = np.asarray(Image.open(place / "in/a.png"), np.float32)[None] / 127.5 - 1
    made = np.asarray(model.generator.apply(model.params, x).image)[0]
    written = np.asarray(Image.open(place / "out/a.png"), np.float32)
    assert np.abs(written - (made + 1) * 127.5).max() < 1


def test_pick(place, capfd):
    argv = ("pick", place / "run", "macs<=9", place / "picked", "--network", "my_network:value")
    assert say(capfd, *argv)[0] == 0
    assert store.load(place / "picked", imported("my_network:value")).arch == (3,)


def test_stablehlo(place, capfd):
    pytest.importorskip("flatbuffers")
    argv = ("export", "stablehlo", place / "model", place / "a.bin")
    argv = (*argv, "--network", "my_network:value")
    code, _, error = say(capfd, *argv)
    assert code == 2 and "give --size, such as --size 8 8" in error
    assert say(capfd, *argv, "--size", 8, 8)[0] == 0
    exported = jax.export.deserialize(bytearray((place / "a.bin").read_bytes()))
    model = store.load(place / "model", imported("my_network:value"))
    x = np.random.default_rng(1).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    expected = model.generator.apply(model.params, x).image
    np.testing.assert_allclose(exported.call(x), expected, atol=1e-5)


def test_onnx(place, capfd):
    pytest.importorskip("onnxruntime")
    argv = ("export", "onnx", place / "model", place / "a.onnx", "--size", 8, 8)
    code, out, error = say(capfd, *argv, "--network", "my_network:value")
    assert code == 0, error
    assert "picture float32 (1, 3, 8, 8) to result float32 (1, 3, 8, 8)" in out


def test_there_are_no_names_for_pytorch(place, capfd):
    code, _, error = say(capfd, "export", "torch", place / "model", "--out", place / "a.pth")
    assert code == 2 and "ganc export onnx" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "say what defines it: --network MODULE:NAME"),
        ("my_network:other", "computes something else"),
        ("my_network:broken", "KeyError: 'no such thing'"),
        ("my_network:number", "int, expected a Generator"),
        ("my_network:nothing", "no network that can be imported"),
        ("no_such_module:value", "ModuleNotFoundError"),
        ("my_network", "no network that can be imported"),
    ],
)
def test_what_does_not_define_it_is_one_line(place, capfd, name, message):
    code, _, error = say(capfd, "info", place / "model", f"--network={name}")
    assert code == 2 and message in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["value", "plain"])
def test_its_groups_are_shown(place, capsys, tmp_path, name):
    show(f"my_network:{name}", out=tmp_path / "groups.svg")
    assert capsys.readouterr().out == "enter: 4 channels\n"
    assert (tmp_path / "groups.svg").read_text().startswith("<svg")
    with pytest.raises(UserError, match="int, expected what own"):
        show("my_network:number")


def test_the_current_directory_is_looked_at_last(place, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != ""])
    (tmp_path / "here.py").write_text("from my_network import value\n")
    monkeypatch.chdir(tmp_path)
    assert imported("here:value") is importing.definition("my_network:value")
    with pytest.raises(UserError, match="json:nothing"):
        imported("json:nothing")
