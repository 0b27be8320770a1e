"""OMGD's experiments run end to end from the command line, and survive kills bit for bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from programs import compilation_cache, finish, kill_at, rows, steps

from ganc.compression.launch import launch
from ganc.models import store
from ganc.models.flat import params_sha256
from ganc.recipes import pix2pix_omgd

assert compilation_cache  # a fixture of this file too


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
    assert found["student"]["features"] == "lite0" and "features" not in found["teacher"]
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
        "pix2pix_omgd": (online, [lambda: steps(tmp_path / "pix2pix_omgd", "online") >= 1]),
        "cyclegan_omgd": (
            turns,
            [
                lambda: phases(tmp_path / "cyclegan_omgd") >= 1,
                lambda: steps(tmp_path / "cyclegan_omgd", "student") >= 1,
            ],
        ),
    }
    for name, (whole, kills) in moments.items():
        workdir = tmp_path / name
        flags = ("--preset", "smoke", "--workdir", str(workdir))
        kill_at(name, flags, kills)
        finish(name, *flags)
        for model in rows(whole):
            ours, theirs = rows(whole)[model], rows(workdir)[model]
            assert ours["params_sha256"] == theirs["params_sha256"]
            assert ours["metrics"] == theirs["metrics"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--features", "vgg16"), "valid are lite0, vgg16:FILE"),
        (("--features", "vgg16:no/such/file"), "vgg16-397923af.pth"),
        (("--size", "66"), "multiples of 4"),
        (("--family", "unet", "--size", "48"), "multiples of 32"),
        (("--teacher", "no/such/model"), "no/such/model"),
        (("--wider", "0", "--deeper", "0"), "there is no teacher"),
        (("--space", "4/3", "--search.budget", "1e5"), "the smallest, 3_3_3_3_3_3_3_3, takes"),
        (("--space", "4/3", "--budget", "100x"), "the smallest, 3_3_3_3_3_3_3_3, takes"),
        (("--budget", "10x"), "--budget is for a search in a --space"),
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
