import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from pictures import names, write
from PIL import Image

from ganc import cli
from ganc.data.pictures import to_float
from ganc.features import lite0
from ganc.metrics import __main__ as program
from ganc.metrics import statistics
from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import kernel_distance
from ganc.metrics.protocol import Protocol
from ganc.metrics.similarity import l1, psnr, ssim
from ganc.scores import summary
from ganc.scores.distribution import Subsets
from ganc.scores.evaluation import Evaluation
from ganc.scores.extractor import Extractor
from ganc.scores.row import Row
from ganc.scores.score import Scorer


@pytest.fixture(autouse=True)
def no_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))


def toy(protocol="toy@8"):
    def network(params, x):
        return x.reshape(len(x), -1)[:, :6] * params

    return Extractor(protocol, "fd", np.float32(3), lambda p: to_float(p[:8, :8]), jax.jit(network))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    write(root / "fake", names(7), seed=1, shift=4)
    write(root / "real", names(11), seed=2)
    write(root / "truth", names(7, "webp"), seed=3)
    return root


def read(directory):
    return to_float(np.stack([np.asarray(Image.open(f)) for f in sorted(directory.iterdir())]))


def test_every_value_is_that_of_the_arrays(folders):
    scores = Scorer(Evaluation(toy())).score(
        folders / "fake", folders / "real", truth=folders / "truth"
    )
    x, y, truth = (read(folders / name) for name in ("fake", "real", "truth"))
    p, q = (3 * z[:, :8, :8].reshape(len(z), -1)[:, :6] for z in (x, y))
    expected = {
        "l1[generated7-vs-truth]": l1(x, truth),
        "psnr[generated7-vs-truth]": psnr(x, truth),
        "ssim[generated7-vs-truth]": ssim(x, truth),
        "kid[toy@8,generated7-vs-real11]": kernel_distance(p, q),
        "fd[toy@8,generated7-vs-real11]": frechet_distance(p, q),
    }
    assert {k: v.value for k, v in scores.values.items()} == pytest.approx(expected, rel=1e-5)
    for protocol, value in scores.values.items():
        if Protocol.parse(protocol).metric != "fd":
            assert value.interval is not None and value.interval[0] < value.interval[1]
            assert value.interval_protocol == "bootstrap95x1000,seed0"
    assert scores.sets["real"]["pictures"] == 11


def test_the_floor_is_on_equal_numbers(folders, tmp_path):
    shifted = write(tmp_path / "shifted", names(7), shift=150)
    for protocol, value in (
        Scorer(Evaluation(toy())).score(shifted, folders / "real").values.items()
    ):
        near, floor = map(Protocol.parse, value.floor or {})
        assert (near.left, near.right) == ("generated5of7", "real5of11")
        assert (floor.left, floor.right) == ("real5of11", "real5of11")
        assert near.settings == floor.settings == ("toy@8", "halves", "seed0")
        assert near.metric == floor.metric == Protocol.parse(protocol).metric
        shifted_value, real_value = value.floor.values()
        assert real_value < 0.5 * shifted_value


def test_subsets_where_there_are_enough_pictures(folders):
    few = Scorer(Evaluation(toy(), Subsets(5, 6, 1))).score(folders / "fake", folders / "real")
    assert "kid[toy@8,subsets5x6,seed1,generated7-vs-real11]" in few.values
    whole = Scorer(Evaluation(toy(), Subsets(5, 8))).score(folders / "fake", folders / "real")
    assert "kid[toy@8,generated7-vs-real11]" in whole.values


def test_a_large_folder_is_scored_by_moments(folders, monkeypatch):
    exact = Scorer(Evaluation(toy())).score(folders / "fake", folders / "real").values
    monkeypatch.setattr(summary, "ROWS", 8)
    found = Scorer(Evaluation(toy())).score(folders / "fake", folders / "real").values
    key = "fd[toy@8,generated7-vs-real11]"
    assert found[key].value == pytest.approx(exact[key].value, rel=1e-6)
    assert "kid[toy@8,generated7-vs-real8of11]" in found


def test_statistics_replace_a_folder(folders, tmp_path):
    scorer = Scorer(Evaluation(toy()))
    statistics.save(tmp_path / "real.npz", scorer.statistics(folders / "real"))
    whole = scorer.score(folders / "fake", folders / "real")
    scores = scorer.score(folders / "fake", tmp_path / "real.npz")
    key = "fd[toy@8,generated7-vs-real11]"
    assert list(scores.values) == [key]
    assert scores.values[key].value == pytest.approx(whole.values[key].value, rel=1e-6)
    assert scores.sets["real"]["sha256"] == whole.sets["real"]["sha256"]
    with np.load(tmp_path / "real.npz") as file:
        np.savez(tmp_path / "plain.npz", mu=file["mu"], sigma=file["sigma"])
    plain = scorer.score(folders / "fake", tmp_path / "plain.npz")
    assert list(plain.values) == ["fd[toy@8,generated7-vs-npz]"]


def test_the_teacher_is_another_truth(folders):
    where = {"truth": folders / "truth", "teacher": folders / "fake"}
    scores = Scorer(Evaluation(toy())).score(folders / "fake", folders / "real", **where)
    assert scores.values["l1[generated7-vs-teacher]"].value == 0
    assert scores.values["l1[generated7-vs-truth]"].value > 0
    assert list(scores.sets) == ["generated", "real", "truth", "teacher"]


def test_equal_folders(folders):
    scores = (
        Scorer(Evaluation(toy()))
        .score(folders / "fake", folders / "real", truth=folders / "fake")
        .to_json()
    )
    values = {Protocol.parse(k).metric: v for k, v in scores["metrics"].items()}
    assert values["l1"] == 0 and values["ssim"] == pytest.approx(1) and values["psnr"] is None


SMALL = ("--size", 32)


def run(capsys, *arguments):
    """Exit code, standard output and standard error of the command."""
    code = 0
    try:
        cli.run(program.main, [str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command(folders, tmp_path, capsys):
    flags = ("--truth", folders / "truth", "--size", 32, "--cache", tmp_path / "cache")
    code, out, err = run(capsys, folders / "fake", folders / "real", *flags, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["name"] == "generated" and "params" not in found
    metrics = found["metrics"]
    assert [Protocol.parse(key).metric for key in metrics] == ["l1", "psnr", "ssim", "kid", "fd"]
    params = lite0.load()
    p, q = (lite0.extract(params, read(folders / d), size=32) for d in ("fake", "real"))
    kid = "kid[lite0@32,generated7-vs-real11]"
    assert metrics[kid] == pytest.approx(kernel_distance(p, q), rel=1e-3)
    assert found["intervals"][kid][0] < metrics[kid] < found["intervals"][kid][1]
    assert found["intervals_protocol"] == "bootstrap95x1000,seed0"
    assert list(found["floors"]) == [kid, kid.replace("kid", "fd")]
    assert list(found["floors"][kid]) == [
        "kid[lite0@32,halves,seed0,generated5of7-vs-real5of11]",
        "kid[lite0@32,halves,seed0,real5of11-vs-real5of11]",
    ]
    assert found["sets"]["real"]["pictures"] == 11
    assert Row.from_json(found).to_json() == {k: v for k, v in found.items() if k != "sets"}

    saved = tmp_path / "real.npz"
    code, out, err = run(
        capsys, folders / "fake", folders / "real", *flags, "--save-statistics", saved
    )
    assert code == 0 and "real against real" in out and "are not FID" in out
    assert statistics.load(saved).protocol == "lite0@32"
    code, _, err = run(capsys, folders / "fake", saved, "--size", 64, *flags[4:])
    assert code == 2 and "lite0@64 cannot be compared with lite0@32" in err


def test_mistakes_end_in_one_line_and_code_2(folders, tmp_path, capsys):
    fake, real = folders / "fake", folders / "real"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "three", names(3))
    write(tmp_path / "large", names(7), shape=(20, 20, 3))
    write(tmp_path / "tiny", names(7), shape=(9, 9, 3))
    write(tmp_path / "grey", names(4), shape=(16, 20))
    write(tmp_path / "alpha", names(4), shape=(16, 20, 4))
    (write(tmp_path / "broken", names(4)) / "003.png").write_bytes(b"\x89PNG")
    (tmp_path / "bad.npz").write_bytes(b"PK")
    np.savez(tmp_path / "other.npz", mu=np.zeros(3), sigma=np.eye(3))
    for arguments, message in (
        ((tmp_path / "empty", real), "empty holds no picture"),
        ((tmp_path / "no", real), "cannot read the folder"),
        ((fake, tmp_path / "three"), "holds 3 pictures, 4 or more are needed"),
        ((fake, real, "--truth", tmp_path / "three"), "003.png has no partner 003.*"),
        ((fake, real, "--truth", tmp_path / "large"), "is 20x16 px and"),
        ((tmp_path / "tiny", real, "--truth", tmp_path / "tiny"), "of 11x11 px or more"),
        ((tmp_path / "grey", real), "000.png is grey"),
        ((fake, tmp_path / "alpha"), "000.png has an alpha channel"),
        ((tmp_path / "broken", real), "cannot decode"),
        ((fake, tmp_path / "bad.npz"), "cannot read the statistics"),
        ((fake, tmp_path / "other.npz"), "1280 features cannot be compared with 3"),
        ((fake, real, "--size", 8), "from 32 to 2048"),
        ((fake, real, "--resamples", 0), "from 2 to 1e6"),
        ((fake, real, "--kid-subset-size", 1), "from 2 to 1e6"),
    ):
        code, out, err = run(
            capsys, *arguments, *SMALL[: 0 if "--size" in arguments else 2], "--json"
        )
        assert code == 2 and out == "" and err.startswith("error: "), (arguments, out, err)
        assert message in err and err.count("\n") == 1, err


def test_converted_pictures_say_so(tmp_path, folders, capsys):
    write(tmp_path / "grey", names(4), shape=(16, 20))
    where = ("--cache", tmp_path / "cache", "--json")
    code, out, _ = run(capsys, tmp_path / "grey", folders / "real", *SMALL, "--convert", *where)
    assert code == 0
    assert "kid[lite0@32,generated-converted4-vs-real11]" in json.loads(out)["metrics"]


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "ganc.metrics", "--help"],
        capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert "usage: python -m ganc.metrics [-h] [OPTIONS] GENERATED REAL" in done.stdout
