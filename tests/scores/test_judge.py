import dataclasses

import numpy as np
import pytest

from ganc.data.dataset import open_dataset
from ganc.runs import records
from ganc.scores.judge import BOOTSTRAP, Judge


@pytest.fixture(scope="module")
def judge():
    data = open_dataset("earth", 64)
    places = range(0, len(data.report_a), 8)
    few = {name: [getattr(data, name)[i] for i in places] for name in ("report_a", "report_b")}
    return Judge.of(dataclasses.replace(data, **few), size=64, feature_size=64)


def test_the_truth_is_perfect_and_other_real_pictures_are_better_than_copies(judge):
    perfect = judge.score(judge.real, teacher=judge.real)
    n = len(judge.real)
    protocol = f"lite0@64,last,report{n}-vs-real{n}"
    assert set(perfect) == {
        f"kid[{protocol}]",
        f"fd[{protocol}]",
        f"l1[last,report{n}-vs-truth]",
        f"psnr[last,report{n}-vs-truth]",
        f"ssim[last,report{n}-vs-truth]",
        f"l1[last,report{n}-vs-teacher]",
    }
    assert perfect[f"l1[last,report{n}-vs-truth]"] == perfect[f"l1[last,report{n}-vs-teacher]"] == 0
    assert perfect[f"ssim[last,report{n}-vs-truth]"] == pytest.approx(1, abs=1e-5)
    assert perfect[f"fd[{protocol}]"] == pytest.approx(0, abs=1e-2)
    copied = judge.score(judge.source)
    for key, value in judge.floor().items():
        assert perfect[key] < value < copied[key]


def test_intervals_hold_their_values(judge):
    fake = np.clip(judge.real + 0.3 * judge.source, -1, 1)
    values = judge.values(fake, teacher=judge.source)
    assert {k: v.value for k, v in values.items()} == judge.score(fake, teacher=judge.source)
    for protocol, value in values.items():
        if protocol.startswith("fd["):
            assert value.interval is None
        else:
            low, high = value.interval
            assert low < value.value < high and value.interval_protocol == str(BOOTSTRAP)


def test_looks_are_counted(judge, tmp_path):
    data = open_dataset("earth", 64)
    one = {name: [getattr(data, name)[i] for i in (0, 1)] for name in ("report_a", "report_b")}
    for count in (1, 2):
        Judge.of(dataclasses.replace(data, **one), 64, 32, looks=tmp_path / "looks.jsonl")
        assert len(records.read(tmp_path / "looks.jsonl")) == count
