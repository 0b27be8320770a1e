"""Pictures of any shape: trained on in windows, scored whole; what cannot be is refused at once."""

import dataclasses
import importlib
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganc.compression import finish
from ganc.compression.launch import launch
from ganc.compression.settings import Compression, Teaching, on_data_of
from ganc.errors import UserError
from ganc.models import store
from ganc.models.render import render
from ganc.recipes import cyclegan_teacher


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures of each domain, 3:2."""
    rng, directory = np.random.default_rng(0), tmp_path_factory.mktemp("wide")
    for name in ("trainA", "trainB"):
        (directory / name).mkdir()
        for i in range(8):
            picture = rng.integers(0, 256, (44, 66, 3), dtype=np.uint8)
            Image.fromarray(picture).save(directory / name / f"{i}.png")
    return directory


def test_a_cyclegan_learns_from_windows_of_wide_pictures(folder, tmp_path, capsys):
    config = dataclasses.replace(
        cyclegan_teacher.SMOKE,
        data=f"folder:{folder}",
        size=32,
        aspect=1.5,
        crop=24,
        constant_steps=1,
        decay_steps=1,
    )
    rows = cyclegan_teacher.run(config, tmp_path / "run")
    assert rows[0].name == "teacher"
    said = capsys.readouterr().out
    assert "teacher: takes about" in said and "evaluate: takes about" in said
    assert "32x48 px" in said
    with Image.open(tmp_path / "run" / "samples.png") as samples:
        assert samples.width > samples.height / 3
    model = store.load(tmp_path / "run" / "teacher")
    assert store.read_about(tmp_path / "run" / "teacher")["task"] == "cyclegan"
    assert render(model, np.zeros((1, 32, 48, 3), np.float32)).shape == (1, 32, 48, 3)
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (settings["size"], settings["aspect"], settings["crop"]) == (32, 1.5, 24)


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("cyclegan_teacher", "--size 30", "multiples of 4 and at least 8, --size is 30"),
        ("cyclegan_teacher", "--size 32 --crop 26", "multiples of 4 .*--crop is 26"),
        ("cyclegan_teacher", "--size 32 --crop 16", "discriminator .* of 16 px, .* larger"),
        ("cyclegan_teacher", "--size 32 --crop 64", "--crop 64 does not fit into .* of 32 px"),
        ("cyclegan_teacher", "--size 32 --aspect 1.6", "tiles of the Earth are square"),
        ("pix2pix_omgd", "--family unet --size 48", "multiples of 32 .* --size is 48"),
        ("pix2pix_omgd", "--family unet --size 64 --crop 48", "multiples of 32 .*--crop is 48"),
        ("pix2pix_teacher", "--family unet --downs 5 --size 48", "multiples of 32 .*size is 48"),
        ("gaugan_ofa", "--size 48", "multiples of 32 .*--size is 48"),
        ("munit_ofa", "--size 35", "multiples of 2 .*--size is 35"),
        ("cyclegan_slimming", "--size 34", "--size is 34"),
        ("self_supervised", "--task srgan --aspect 2", "srgan judges squares"),
        ("self_supervised", "--task dcgan --crop 16", "dcgan .* has no --crop"),
    ],
)
def test_what_a_network_cannot_take_is_one_line(name, flags, message, tmp_path, capfd):
    module = importlib.import_module(f"ganc.recipes.{name}")
    with pytest.raises(SystemExit) as end:
        argv = ["--preset", "smoke", "--workdir", str(tmp_path / "run"), *flags.split()]
        launch(name, module.PRESETS, module.run, argv)
    said = capfd.readouterr().err
    assert end.value.code == 2 and said.count("\n") == 1
    with pytest.raises(UserError, match=message):
        raise UserError(said.strip())
    assert not (tmp_path / "run").exists()


def test_the_teacher_of_a_run_sees_what_the_run_sees():
    config = Compression(data="folder:x", size=64, aspect=1.5, crop=32, skip_bad=True, seed=3)
    taught = on_data_of(config, Teaching(ngf=5))
    assert (taught.sides, taught.window, taught.ngf) == ((64, 96), (32, 32), 5)
    assert (taught.data, taught.skip_bad, taught.seed) == ("folder:x", True, 3)
    assert Compression(size=64).window == (64, 64)


def test_memory_of_evaluation_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setattr(finish, "machine_memory", lambda: 1000)
    monkeypatch.setattr(finish, "capacity", lambda: (0, False))  # drawn on another device
    data = SimpleNamespace(report_a=range(3))
    run: Any = SimpleNamespace(data=data, shape=(8, 16, 3))
    models: Any = {"teacher": None, "student": None}
    with pytest.raises(UserError, match="evaluate would take .* smaller pictures or fewer"):
        finish.check_memory(run, models)
    monkeypatch.setattr(finish, "machine_memory", lambda: 4 * 3 * 8 * 16 * 18)
    finish.check_memory(run, models)
