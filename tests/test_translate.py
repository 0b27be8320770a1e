import os
import subprocess
import sys
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from ganc import cli
from ganc import translate as program
from ganc.data.files import decode
from ganc.data.pictures import to_float, to_uint8
from ganc.errors import UserError
from ganc.models import munit, resnet, store
from ganc.translate import translate
from ganc.types import Model, Output

SPEC = resnet.Spec(ngf=2, blocks=3, separable=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("store") / "model"
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(resnet.generator(SPEC).init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(0, 1, leaf.shape).astype(np.float32), shapes)
    store.save(directory, Model(resnet.generator(SPEC), params), {})
    return directory


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for name, (h, w) in {"a.jpg": (9, 16), "b[x].png": (12, 13)}.items():
        Image.fromarray(rng.integers(0, 255, (h, w, 3), np.uint8)).save(tmp_path / "in" / name)
    return tmp_path / "in"


def run(*arguments):
    """The exit code of the command line; 0 where it returns."""
    try:
        cli.run(program.main, [str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code
    return 0


def identity(divisor=4, minimum=8):
    """A model that returns its input, and the shapes it was asked for."""
    shapes = []

    def apply(params, x):
        del params
        shapes.append(x.shape[1:3])
        assert min(x.shape[1:3]) >= minimum and not any(n % divisor for n in x.shape[1:3])
        return Output(x, {})

    generator = SimpleNamespace(apply=apply, channels_in=3, divisor=divisor, minimum=minimum)
    return Model(generator, {}), shapes  # pyright: ignore


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (8, 8), (9, 12), (31, 33)])
@pytest.mark.parametrize("multiple", [None, 6, 32])
def test_any_size_comes_back_in_place(size, multiple):
    picture = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    stored, shapes = identity()
    assert np.array_equal(translate(stored, picture, multiple=multiple), picture)
    unit = {None: 4, 6: 12, 32: 32}[multiple]
    assert not any(n % unit for n in shapes[0])
    assert all(got < max(8, n) + unit for got, n in zip(shapes[0], size, strict=True))


def test_one_compilation_per_padded_size():
    stored, shapes = identity()
    for size in ((8, 9), (7, 10), (8, 12), (8, 13)):
        translate(stored, np.zeros((*size, 3), np.uint8))
    assert shapes == [(8, 12), (8, 16)]


def test_it_is_what_the_generator_gives(model):
    stored = store.load(model)
    picture = np.random.default_rng(1).integers(0, 255, (12, 16, 3), np.uint8)
    expected = jax.jit(stored.generator.apply)(stored.params, to_float(picture)[None]).image[0]
    difference = translate(stored, picture).astype(int) - to_uint8(np.asarray(expected))
    assert abs(difference).max() <= 1


def test_a_folder(model, pictures, tmp_path, capsys):
    assert run(model, pictures, tmp_path / "deep" / "out") == 0
    out = tmp_path / "deep" / "out"
    shapes = {path.name: decode(path).shape for path in out.iterdir()}
    assert shapes == {"a.png": (9, 16, 3), "b[x].png": (12, 13, 3)}
    assert "2 pictures translated to" in capsys.readouterr().out


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_every_size_is_compiled_once_and_fewer_where_that_is_asked_for(
    model, pictures, tmp_path, monkeypatch, capsys, backend
):
    stored, shapes = identity()
    monkeypatch.setattr(program, "load", lambda *_: stored)
    monkeypatch.setattr(jax, "default_backend", lambda: backend)  # a GPU takes 16 in a call
    rng = np.random.default_rng(0)
    for i in range(30):
        width = 9 + 4 * (i % 10) + i // 10
        picture = rng.integers(0, 255, (10, width, 3), np.uint8)
        turned = Image.Exif()
        turned[0x0112] = 6 if i == 29 else 1  # what the header says is not what is decoded
        Image.fromarray(picture).save(pictures / f"{i}.png", exif=turned)
    program.translate_folder(model, pictures, tmp_path / "out")
    wide = {(12, 12 + 4 * i) for i in range(10)} | {(12, 16)}
    assert sorted(shapes) == sorted(wide | {(48, 12)})
    assert (
        "32 pictures of 10 sizes, each of which is compiled for; --mult" in capsys.readouterr().out
    )
    for path in pictures.iterdir():
        assert np.array_equal(decode(tmp_path / "out" / f"{path.stem}.png"), decode(path))
    shapes.clear()
    program.translate_folder(model, pictures, tmp_path / "out", multiple=32)
    assert sorted(shapes) == [(32, 32), (32, 64), (64, 32)]


def test_padding_changes_what_an_instance_norm_draws(model):
    """Why sizes are not padded to fewer unless that is asked for."""
    picture = np.random.default_rng(1).integers(0, 255, (12, 16, 3), np.uint8)
    loaded = store.load(str(model))
    one, other = (translate(loaded, picture, multiple=multiple) for multiple in (1, 32))
    assert np.abs(one.astype(int) - other)[:4, :4].max() > 1  # far from what was added


def test_bad_pictures(model, pictures, tmp_path, capsys):
    cut = (pictures / "b[x].png").read_bytes()[:-40]
    (pictures / "b[x].png").write_bytes(cut)  # its header is whole
    (pictures / "c.webp").write_text("no")
    for name in ("c.webp", "b[x].png"):
        assert run(model, pictures, tmp_path / "out") == 2
        error = capsys.readouterr().err
        assert error.startswith("error: cannot decode") and error.count("\n") == 1
        assert name in error and "--skip-bad" in error
        if name == "c.webp":
            os.rename(pictures / name, tmp_path / name)
    os.rename(tmp_path / "c.webp", pictures / "c.webp")
    assert run(model, pictures, tmp_path / "out", "--skip-bad") == 0
    output = capsys.readouterr().out
    assert "1 pictures" in output and "2 skipped: b[x].png, c.webp" in output


def test_nothing_but_bad_pictures(model, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("no")
    with pytest.raises(UserError, match="none of the pictures"):
        program.translate_folder(model, tmp_path / "in", tmp_path / "out", skip_bad=True)


def test_mistakes_end_in_one_line_and_code_2(model, pictures, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "clash").mkdir()
    for name in ("a.png", "a.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / "clash" / name)
    for arguments, message in (
        ((tmp_path / "no", pictures, tmp_path / "out"), "holds no model"),
        ((model, tmp_path / "no", tmp_path / "out"), "cannot read the folder"),
        ((model, model, tmp_path / "out"), "holds no picture"),
        ((model, pictures, pictures), "would overwrite the pictures"),
        ((model, pictures, tmp_path / "file"), "cannot write to"),
        ((model, pictures, tmp_path / "file" / "x"), "cannot write to"),
        ((model, tmp_path / "clash", tmp_path / "out"), "a.jpg and a.png would both be written"),
    ):
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [(["a", "b", "c", "--skip-bat"], "--skip-bad"), (["a"], "PICTURES"), (["a"] * 4, "a")],
)
def test_a_wrong_command_line_ends_in_code_2(arguments, message, capsys):
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_an_interruption_ends_in_code_130(capsys):
    def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        cli.run(main, [])
    assert end.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "ganc.translate", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "usage: python -m ganc.translate [-h] [OPTIONS] MODEL PICTURES OUT" in done.stdout


def test_random_styles(model, pictures, tmp_path, random_params, capsys):
    generator = munit.generator(munit.Spec(2, blocks=2, style_dim=3, mlp_dim=4))
    store.save(tmp_path / "styled", Model(generator, random_params(generator, scale=0.3)), {})
    outs = [tmp_path / name for name in ("one", "again", "other")]
    for out, seed in zip(outs, (1, 1, 2), strict=True):
        assert run(tmp_path / "styled", pictures, out, "--style-seed", seed) == 0
    one, again, other = (decode(out / "a.png") for out in outs)
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert run(model, pictures, tmp_path / "out", "--style-seed", "1") == 2
    assert "draws in one style; leave out --style-seed" in capsys.readouterr().err


def test_a_hasty_compilation_gives_the_same_pixels(model):
    picture = np.random.default_rng(1).integers(0, 255, (12, 16, 3), np.uint8)
    loaded = store.load(str(model))
    one, other = (translate(loaded, picture, hasty=hasty) for hasty in (False, True))
    assert np.abs(one.astype(int) - other).max() <= 1
