"""Every experiment runs end to end from the command line, and survives kills bit for bit."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from programs import check_left, check_same, compilation_cache, finish, kill_at, rows, steps

from ganc.compression.launch import launch
from ganc.export import torch as checkpoints
from ganc.models import store, unet
from ganc.pick import pick_from_run
from ganc.recipes import cyclegan_ofa

assert compilation_cache  # a fixture of this file too


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("runs") / "smoke"
    output = finish("cyclegan_ofa", "--preset", "smoke", "--workdir", str(workdir))
    assert "report.html" in output
    return workdir


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """A run on pairs by the original pipeline, with a teacher of its own."""
    workdir = tmp_path_factory.mktemp("runs") / "pairs"
    flags = ("--preset", "smoke", "--pipeline", "original", "--workdir", str(workdir))
    output = finish("pix2pix_ofa", *flags)
    # No terminal: a plain line at the beginning and at the end of every stage.
    for stage in ("teacher", "pre_distillation", "supernet", "fine_tune"):
        assert f"{stage}: 0 of 4\n" in output and f"{stage}: 4 of 4, adversarial " in output
    assert "search: 0 done\n" in output
    return workdir


@pytest.mark.parametrize("run", ["smoke", "pairs"])
def test_a_run_leaves_what_it_promises(run, request):
    check_left(request.getfixturevalue(run))


def test_a_trained_teacher_leaves_its_discriminator(pairs):
    judge, _ = store.load_discriminator(pairs / "discriminator")
    assert judge.channels_in == 6  # it sees the source too
    assert not (pairs / "teacher_back").exists()


def test_another_student_is_picked_from_a_run(smoke, tmp_path):
    scored = [json.loads(line) for line in (smoke / "search.jsonl").read_text().splitlines()]
    macs = [row["macs"]["published"] for row in scored]
    pick_from_run(str(smoke), {"macs": min(macs)}, str(tmp_path / "picked"))
    picked = store.load(tmp_path / "picked")
    assert picked.arch is not None and len(picked.arch) == 8


def test_a_complete_run_is_not_repeated(smoke):
    before = {path: path.stat().st_mtime_ns for path in smoke.rglob("*") if path.is_file()}
    finish("cyclegan_ofa", "--preset", "smoke", "--workdir", str(smoke))
    assert before == {p: p.stat().st_mtime_ns for p in smoke.rglob("*") if p.is_file()}


def test_the_page_about_python_is_true(smoke, tmp_path, monkeypatch, capsys):
    """Its run is the one that the command line has made: there is one way to run."""
    text = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "first").symlink_to(smoke)
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in smoke.rglob("*") if path.is_file()}
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, names)
    assert before == {p: p.stat().st_mtime_ns for p in smoke.rglob("*") if p.is_file()}
    (said,) = re.findall(r"```\n(there is no setting.*?)```", text, re.DOTALL)
    assert capsys.readouterr().out.endswith(said)
    assert store.load("runs/cheapest").arch == names["run"].front[0].arch


def test_kills_do_not_change_a_bit(smoke, tmp_path):
    workdir = tmp_path / "killed"
    flags = ("--preset", "smoke", "--workdir", str(workdir))
    moments = [
        lambda: steps(workdir, "supernet") >= 1,
        lambda: (workdir / "search.jsonl").exists(),
        lambda: steps(workdir, "fine_tune") >= 1,
    ]
    kill_at("cyclegan_ofa", flags, moments)
    finish("cyclegan_ofa", *flags)
    check_same(smoke, workdir)


def test_another_configuration_is_refused(smoke):
    flags = ("--preset", "smoke", "--workdir", str(smoke), "--seed", "1")
    output = finish("cyclegan_ofa", *flags, code=2)
    assert "belongs to another configuration (seed was 0, now 1)" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--search.budget", "1e5"), "the smallest, 6_6_6_6_6_6_6_6, takes"),
        (("--seeed", "1"), "--seed"),
        (("--seed", "one"), "invalid"),
        (("--preset", "nothing"), "valid are earth64, smoke"),
        (("--data", "folder:does/not/exist"), "does/not/exist"),
        (("--data", "earth:moon"), "earth:satellite-relief"),
        (("--size", "66"), "multiples of 4"),
        (("--space", "100/50"), "--ngf"),
        (("--space", "wide"), "channels-48"),
        (("--arch", "8_6_8"), "3 entries, those of the student 8"),
        (("--space", "munit-channels-64"), "10 entries, those of the student 8"),
        (("--teacher", "no/such/model"), "no/such/model"),
        (("--data", "earth:season"), "--teacher train"),
        (("--distributed", "node:4000,2,2"), "HOST:PORT,PROCESS,COUNT"),
        (("--precision", "fp8"), "bf16"),
    ],
)
def test_bad_flags_cost_one_line(tmp_path, flags, message, capfd):
    workdir = tmp_path / "run"
    base = () if "--preset" in flags else ("--preset", "smoke")
    with pytest.raises(SystemExit) as end:  # in this process: fourteen more would take a minute
        argv = [*base, "--workdir", str(workdir), *flags]
        launch("cyclegan_ofa", cyclegan_ofa.PRESETS, cyclegan_ofa.run, argv)
    output = "".join(capfd.readouterr())
    assert end.value.code == 2
    assert message.lower() in output.lower()
    assert "Traceback" not in output
    assert not workdir.exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    rng, directory = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    for name in ("trainA", "trainB"):
        (directory / name).mkdir()
        for i in range(9):
            picture = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(picture).save(directory / name / f"{i}.png")
    return f"folder:{directory}"


def test_a_strangers_checkpoint_is_compressed(tmp_path, folder, random_params):
    pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
    generator = unet.generator(unet.Spec(ngf=4, downs=5))
    path = tmp_path / "latest_net_G.pth"
    checkpoints.save(path, generator, random_params(generator))
    flags = ("--preset", "smoke", "--data", folder, "--teacher", str(path), "--workdir")
    output = finish("cyclegan_ofa", *flags, str(tmp_path / "small"), "--size", "48", code=2)
    assert "multiples of 32 and at least 32, --size is 48" in output
    output = finish("cyclegan_ofa", *flags, str(tmp_path / "run"), "--size", "32")
    assert "trunk0, trunk1, trunk2, trunk3 are paired with enc1, enc3, cat3, cat1" in output
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert all(json.loads(line)["distillation"] > 0 for line in lines)
    stored = store.load(tmp_path / "run" / "teacher")
    assert stored.generator.spec == unet.Spec(ngf=4, downs=5)
    assert rows(tmp_path / "run")["teacher"]["params"] > rows(tmp_path / "run")["student"]["params"]


def test_a_folder_of_pictures_with_its_own_teacher_and_a_given_student(tmp_path, folder):
    workdir = tmp_path / "run"
    finish(
        "cyclegan_ofa",
        *("--preset", "smoke", "--workdir", str(workdir), "--size", "32"),
        *("--data", folder, "--teacher", "train"),
        *("--train-teacher.ngf", "8", "--train-teacher.blocks", "3", "--train-teacher.ndf", "4"),
        *("--train-teacher.constant-steps", "1", "--train-teacher.decay-steps", "1"),
        *("--arch", "8_7_5_6_3_2_4_5"),
    )
    assert rows(workdir)["student"]["arch"] == "8_7_5_6_3_2_4_5"
    assert not (workdir / "search.jsonl").exists()
    assert rows(workdir)["teacher"]["params"] > rows(workdir)["student"]["params"]


def test_the_teacher_experiment(tmp_path):
    workdir = tmp_path / "teacher"
    finish("cyclegan_teacher", "--preset", "smoke", "--workdir", str(workdir))
    assert list(rows(workdir)) == ["teacher"]
    assert (workdir / "teacher_back" / "model.json").exists()
    assert (workdir / "samples.png").exists() and (workdir / "report.html").exists()
    store.load_discriminator(workdir / "discriminator_back")
    about = store.read_about(workdir / "teacher")
    assert (about["steps"], about["direction"]) == (8, "ab")

    more = tmp_path / "more"
    flags = ("--preset", "smoke", "--start", str(workdir), "--workdir")
    wrong = finish("cyclegan_teacher", *flags, str(tmp_path / "wrong"), "--ngf", "8", code=2)
    assert "no checkpoint that fits" in wrong
    assert (workdir / "checkpoints" / "teacher" / "8").exists()  # reading does no harm
    none = ("--constant-steps", "0", "--decay-steps", "0")
    finish("cyclegan_teacher", *flags, str(more), *none)
    assert rows(more)["teacher"]["params_sha256"] == rows(workdir)["teacher"]["params_sha256"]
