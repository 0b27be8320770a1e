"""Every experiment runs end to end from the command line, and survives kills bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import cyclegan_ofa, pix2pix_omgd
from ganc import memory
from ganc.compress.launch import launch
from ganc.export import torch as checkpoints
from ganc.models import store, unet
from ganc.models.flat import params_sha256
from ganc.pick import pick_from_run

ROOT = Path(__file__).parents[2]


def start(name: str, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", f"experiments.{name}", *flags]
    environment = {k: v for k, v in os.environ.items() if k != memory.VARIABLE}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(name: str, *flags: str, code: int = 0) -> str:
    process = start(name, *flags)
    try:
        output, _ = process.communicate(timeout=400)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == code, output
    return output


@pytest.fixture(scope="module", autouse=True)
def compilation_cache(tmp_path_factory):
    """Programs are compiled once for all the runs of this file."""
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path_factory.mktemp("jax"))
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    yield
    del os.environ["JAX_COMPILATION_CACHE_DIR"]
    del os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("runs") / "smoke"
    output = finish("cyclegan_ofa", "--preset", "smoke", "--workdir", str(workdir))
    assert "report.html" in output
    return workdir


def rows(workdir: Path) -> dict[str, dict]:
    lines = (workdir / "results.jsonl").read_text().splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """A run on pairs, with a teacher of its own."""
    workdir = tmp_path_factory.mktemp("runs") / "pairs"
    output = finish("pix2pix_ofa", "--preset", "smoke", "--workdir", str(workdir))
    # No terminal: a plain line at the beginning and at the end of every stage.
    for stage in ("teacher", "supernet", "fine_tune"):
        assert f"{stage}: 0 of 4\n" in output and f"{stage}: 4 of 4, adversarial " in output
    assert "search: 0 done\n" in output
    return workdir


@pytest.fixture(scope="module")
def online(tmp_path_factory) -> Path:
    """OMGD on pairs: student and teachers at once."""
    workdir = tmp_path_factory.mktemp("runs") / "online"
    output = finish("pix2pix_omgd", "--preset", "smoke", "--workdir", str(workdir))
    assert "online: 4 of 4, " in output
    return workdir


@pytest.fixture(scope="module")
def turns(tmp_path_factory) -> Path:
    """OMGD on unpaired pictures: teacher and student take turns."""
    workdir = tmp_path_factory.mktemp("runs") / "turns"
    output = finish("cyclegan_omgd", "--preset", "smoke", "--workdir", str(workdir))
    assert "phase 2 of 2: the teacher is that of phase " in output
    assert "student: 4 of 4, " in output
    return workdir


@pytest.mark.parametrize(("run", "deeper"), [("online", ["teacher_deeper"]), ("turns", [])])
def test_an_online_run_leaves_what_it_promises(run, deeper, request):
    workdir = request.getfixturevalue(run)
    names = {path.name for path in workdir.iterdir()}
    assert names >= {
        *("config.json", "metrics.jsonl", "results.jsonl", "samples.png", "report.html"),
        *("teacher", "student", *deeper),
    }
    found = rows(workdir)
    assert list(found) == ["teacher", *deeper, "student"]
    for row in found.values():
        assert all(np.isfinite(value) for value in row["metrics"].values())
        stored = workdir / row["name"]
        assert params_sha256(store.load(stored).params) == row["params_sha256"]
    assert found["student"]["macs"]["published"] < found["teacher"]["macs"]["published"]
    assert store.read_about(workdir / "student")["features"] == "lite0"
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert all(line["style"] > 0 for line in lines if "ssim" in line)


def test_frozen_teachers_teach_offline(online, tmp_path):
    flags = ("--preset", "smoke", "--teacher", str(online), "--workdir", str(tmp_path / "run"))
    output = finish("pix2pix_omgd", *flags)
    assert "offline: 4 of 4, " in output
    before, after = rows(online), rows(tmp_path / "run")
    for name in ("teacher", "teacher_deeper"):
        assert before[name]["params_sha256"] == after[name]["params_sha256"]
    assert before["student"]["params_sha256"] != after["student"]["params_sha256"]


def test_a_supernet_learns_from_teachers_and_is_searched(online, tmp_path):
    workdir = tmp_path / "run"
    finish(
        "pix2pix_omgd",
        *("--preset", "smoke", "--teacher", str(online), "--workdir", str(workdir)),
        *("--space", "4/3", "--search.budget", "2e6", "--search.pictures", "4"),
        *("--search.feature-size", "32", "--search.batch", "8", "--front", "1"),
        *("--search.evolution.population", "4", "--search.evolution.generations", "1"),
    )
    student = rows(workdir)["student"]
    assert student["macs"]["published"] <= 2e6 and "3" in student["arch"].split("_")
    scored = [json.loads(line) for line in (workdir / "search.jsonl").read_text().splitlines()]
    assert student["arch"] == min(scored, key=lambda row: row["score"])["arch"]


def test_kills_do_not_change_a_bit_of_an_online_run(online, turns, tmp_path):
    def phases(workdir):
        file = workdir / "phases.jsonl"
        return len(file.read_text().splitlines()) if file.exists() else 0

    moments = {
        "pix2pix_omgd": (online, [lambda w: _steps(w, "online") >= 1]),
        "cyclegan_omgd": (
            turns,
            [
                lambda w: _steps(w, "teacher") >= 1,
                lambda w: phases(w) >= 1,
                lambda w: _steps(w, "student") >= 1,
                lambda w: phases(w) >= 3,
            ],
        ),
    }
    for name, (whole, kills) in moments.items():
        workdir = tmp_path / name
        flags = ("--preset", "smoke", "--workdir", str(workdir))
        for reached in kills:
            process = start(name, *flags)
            while not reached(workdir):
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        finish(name, *flags)
        for model in rows(whole):
            ours, theirs = rows(whole)[model], rows(workdir)[model]
            assert ours["params_sha256"] == theirs["params_sha256"]
            assert ours["metrics"] == theirs["metrics"]


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> Path:
    """A run from label maps."""
    workdir = tmp_path_factory.mktemp("runs") / "labels"
    finish("gaugan_ofa", "--preset", "smoke", "--workdir", str(workdir))
    return workdir


@pytest.fixture(scope="module")
def styles(tmp_path_factory) -> Path:
    """A run of networks that draw in many styles."""
    workdir = tmp_path_factory.mktemp("runs") / "styles"
    finish("munit_ofa", "--preset", "smoke", "--workdir", str(workdir))
    return workdir


@pytest.mark.parametrize("run", ["smoke", "pairs", "labels", "styles"])
def test_a_run_leaves_what_it_promises(run, request):
    smoke = request.getfixturevalue(run)
    names = {path.name for path in smoke.iterdir()}
    assert names >= {
        "config.json",
        "metrics.jsonl",
        "search.jsonl",
        "results.jsonl",
        "samples.png",
        "report.html",
        "teacher",
        "supernet",
        "student",
    }
    found = rows(smoke)
    assert list(found) == ["teacher", "student"]
    for row in found.values():
        assert set(row["macs"]) == {"published", "true"}
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p95"]
        assert len(row["params_sha256"]) == 64
        assert all(np.isfinite(value) for value in row["metrics"].values())
    budget = json.loads((smoke / "config.json").read_text())["config"]["search"]["budget"]
    assert found["student"]["macs"]["published"] <= budget < found["teacher"]["macs"]["published"]
    assert len(found["student"]["arch"].split("_")) == (10 if run == "styles" else 8)
    scored = [json.loads(line) for line in (smoke / "search.jsonl").read_text().splitlines()]
    assert found["student"]["arch"] == min(scored, key=lambda row: row["score"])["arch"]


def test_a_trained_teacher_leaves_its_discriminator(pairs):
    judge, _ = store.load_discriminator(pairs / "discriminator")
    assert judge.channels_in == 6  # it sees the source too
    assert not (pairs / "teacher_back").exists()


def test_another_student_is_picked_from_a_run(smoke, tmp_path):
    macs = [json.loads(line)["macs"]["published"] for line in open(smoke / "search.jsonl")]
    pick_from_run(smoke, {"macs": min(macs)}, tmp_path / "picked")
    picked = store.load(tmp_path / "picked")
    assert picked.arch is not None and len(picked.arch) == 8


def test_what_other_teachers_leave(labels, styles):
    judge, _ = store.load_discriminator(labels / "discriminator")
    assert judge.channels_in == 13  # ten classes and the picture
    assert store.load(labels / "teacher").generator.channels_in == 10
    assert (styles / "teacher_back").exists()  # both directions


@pytest.mark.parametrize("name", ["gaugan_teacher", "munit_teacher"])
def test_teachers_alone(name, tmp_path):
    finish(name, "--preset", "smoke", "--workdir", str(tmp_path / "run"))
    assert list(rows(tmp_path / "run")) == ["teacher"]
    assert (tmp_path / "run" / "report.html").exists()


def test_a_complete_run_is_not_repeated(smoke):
    before = {path: path.stat().st_mtime_ns for path in smoke.rglob("*") if path.is_file()}
    finish("cyclegan_ofa", "--preset", "smoke", "--workdir", str(smoke))
    assert before == {p: p.stat().st_mtime_ns for p in smoke.rglob("*") if p.is_file()}


def _steps(workdir: Path, stage: str) -> int:
    file = workdir / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return sum(json.loads(line)["stage"] == stage for line in lines)


def test_kills_do_not_change_a_bit(smoke, tmp_path):
    workdir = tmp_path / "killed"
    flags = ("--preset", "smoke", "--workdir", str(workdir))
    moments = [
        lambda: (workdir / "config.json").exists(),
        lambda: _steps(workdir, "supernet") >= 1,
        lambda: (workdir / "search.jsonl").exists(),
        lambda: _steps(workdir, "fine_tune") >= 1,
        lambda: (workdir / "student").exists(),
    ]
    for reached in moments:
        process = start("cyclegan_ofa", *flags)
        while not reached():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finish("cyclegan_ofa", *flags)
    whole, killed = rows(smoke)["student"], rows(workdir)["student"]
    assert whole["params_sha256"] == killed["params_sha256"]
    assert whole["metrics"] == killed["metrics"]
    assert (smoke / "search.jsonl").read_text() == (workdir / "search.jsonl").read_text()


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
        (("--arch", "8_6_8"), "stem in 8/6"),
        (("--space", "munit-channels-64"), "10 entries, those of the student 8"),
        (("--teacher", "no/such/model"), "no/such/model"),
        (("--data", "earth:season"), "--teacher train"),
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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--features", "vgg16"), "valid are lite0, vgg16:FILE"),
        (("--features", "vgg16:no/such/file"), "vgg16-397923af.pth"),
        (("--size", "66"), "multiples of 4"),
        (("--family", "unet", "--size", "48"), "multiples of 32"),
        (("--teacher", "no/such/model"), "no/such/model"),
        (("--space", "4/3", "--search.budget", "1e5"), "the smallest, 3_3_3_3_3_3_3_3, takes"),
    ],
)
def test_bad_flags_of_omgd_cost_one_line(tmp_path, flags, message, capfd):
    workdir = tmp_path / "run"
    with pytest.raises(SystemExit) as end:
        argv = ["--preset", "smoke", "--workdir", str(workdir), *flags]
        launch("pix2pix_omgd", pix2pix_omgd.PRESETS, pix2pix_omgd.run, argv)
    output = "".join(capfd.readouterr())
    assert end.value.code == 2
    assert message.lower() in " ".join(output.lower().split())
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
