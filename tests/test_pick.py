import json

import numpy as np
import pytest

from ganc import pick as picking
from ganc.errors import UserError
from ganc.models import resnet, store
from ganc.models.statistics import keep_calibration
from ganc.nn.conv import conv2d, pad2d
from ganc.pick import parse_limits, pick, pick_from_run
from ganc.search.evolution import Candidate
from ganc.types import Model

# The front is (1, 1), (2, 2) and (4, 4).
CANDIDATES = [
    Candidate((1, 1), 10, 0.9, 0),
    Candidate((2, 2), 20, 0.5, 0),
    Candidate((1, 3), 30, 0.6, 0),
    Candidate((4, 4), 40, 0.1, 0),
]
MEASURES = {
    "macs": lambda some: [c.cost for c in some],
    "latency_ms": lambda some: [{1: 3.0, 2: 1.0, 4: 2.0}[c.arch[0]] for c in some],
}


@pytest.mark.parametrize(
    ("limits", "arch"),
    [
        ({"macs": 40}, (4, 4)),
        ({"macs": 39}, (2, 2)),
        ({"macs": 10}, (1, 1)),
        ({"latency_ms": 1.5}, (2, 2)),
        ({"macs": 40, "latency_ms": 1.0}, (2, 2)),
    ],
)
def test_the_best_within_the_limits(limits, arch):
    found, values = pick(CANDIDATES, limits, MEASURES)
    assert found.arch == arch
    assert all(values[name] <= limit for name, limit in limits.items())


def test_where_nothing_fits_it_says_what_there_is():
    with pytest.raises(UserError, match=r"macs<=9.* 3, with macs from 10 to 40"):
        pick(CANDIDATES, {"macs": 9}, MEASURES)


def test_limits_are_read():
    assert parse_limits("macs<=2.6e9") == {"macs": 2.6e9}
    assert parse_limits("params <= 5000, latency_ms<=8") == {"params": 5000, "latency_ms": 8}


@pytest.mark.parametrize(
    "text", ["", "macs", "macs<3", "fps<=3", "macs<=1..5", "macs<=3;params<=2"]
)
def test_what_is_no_limit(text):
    with pytest.raises(UserError, match="valid are macs<=N"):
        parse_limits(text)


@pytest.fixture
def run(tmp_path, random_params):
    generator = resnet.generator(resnet.Spec(4, 3, separable=True))
    directory = tmp_path / "run"
    model = Model(generator, random_params(generator))
    store.save(directory / "supernet", model, {"data": "toy", "shape": [8, 8, 3]})
    rows = [
        {"arch": "_".join([str(n)] * 8), "macs": {"published": 100 * n}, "score": 1 / n,
         "generation": 0}
        for n in (1, 2, 4)
    ]  # fmt: skip
    (directory / "search.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return directory


def test_a_student_is_cut_out_of_a_run(run, tmp_path):
    line = pick_from_run(str(run), {"macs": 200}, str(tmp_path / "out"))
    assert line.startswith("2_2_2_2_2_2_2_2 with macs=200")
    student, whole = store.load(tmp_path / "out"), store.load(run / "supernet")
    assert student.arch == (2,) * 8
    np.testing.assert_array_equal(
        student.params["stem"]["kernel"], whole.params["stem"]["kernel"][..., :2]
    )
    x = np.zeros((1, 8, 8, 3), np.float32)
    assert student.generator.apply(student.params, x).image.shape == (1, 8, 8, 3)


def test_latencies_are_measured_here(run, tmp_path, monkeypatch):
    measured = {str((n,) * 8): {"p50": float(n)} for n in (1, 2, 4)}
    monkeypatch.setattr(
        picking, "latency", lambda calls, **_: {name: measured[name] for name in calls}
    )
    line = pick_from_run(run, parse_limits("latency_ms<=2.5"), tmp_path / "out")
    assert line.startswith("2_2_2_2_2_2_2_2 with latency_ms=2,")


def test_running_statistics_are_those_of_what_is_picked(tmp_path, random_params):
    generator = resnet.generator(resnet.Spec(4, 3, separable=True, norm="batch"))
    model, run = Model(generator, random_params(generator)), tmp_path / "run"
    store.save(run / "supernet", model, {"data": "toy", "shape": [8, 8, 3]})
    row = {"arch": "_".join(["2"] * 8), "macs": {"published": 9}, "score": 1, "generation": 0}
    (run / "search.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(UserError, match="no pictures to measure running statistics with"):
        pick_from_run(run, {"macs": 9}, tmp_path / "out")
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 3)).astype(np.float32)
    keep_calibration(run, pictures)
    pick_from_run(run, {"macs": 9}, tmp_path / "out")
    student = store.load(tmp_path / "out")
    stem = conv2d(pad2d(pictures, 3, "reflect"), student.params["stem"]["kernel"])
    np.testing.assert_allclose(
        student.params["stem_norm"]["mean"], np.mean(stem, axis=(0, 1, 2)), atol=1e-5
    )


def test_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match="no finished search"):
        pick_from_run(tmp_path, {"macs": 1}, tmp_path / "out")
