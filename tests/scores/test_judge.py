import dataclasses

import numpy as np
import pytest

from ganc.data.dataset import open_dataset
from ganc.errors import UserError
from ganc.features import lite0
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import kernel_distance, kernel_interval
from ganc.metrics.similarity import l1_each, psnr, ssim
from ganc.runs import records
from ganc.scores.judge import Judge

EARTH = open_dataset("earth", 64)


def few(places, **changes):
    """The Earth pack with some of its report pictures."""
    kept = {name: [getattr(EARTH, name)[i] for i in places] for name in ("report_a", "report_b")}
    return dataclasses.replace(EARTH, **kept | changes)


@pytest.fixture(scope="module")
def judge():
    return Judge.open(few(range(0, len(EARTH.report_a), 8)), (64, 64, 3), feature_size=64)


def numbers(values):
    return {protocol: value.value for protocol, value in values.items()}


def test_the_truth_is_perfect_and_other_real_pictures_are_better_than_copies(judge):
    perfect = numbers(judge.values(judge.real, teacher=judge.real))
    n = len(judge.real)
    protocol = f"lite0@64,last,report{n}-vs-real{n}"
    assert list(perfect) == [
        f"kid[{protocol}]",
        f"fd[{protocol}]",
        f"l1[last,report{n}-vs-truth]",
        f"psnr[last,report{n}-vs-truth]",
        f"ssim[last,report{n}-vs-truth]",
        f"l1[last,report{n}-vs-teacher]",
    ]
    assert perfect[f"l1[last,report{n}-vs-truth]"] == perfect[f"l1[last,report{n}-vs-teacher]"] == 0
    assert perfect[f"ssim[last,report{n}-vs-truth]"] == pytest.approx(1, abs=1e-5)
    assert perfect[f"fd[{protocol}]"] == pytest.approx(0, abs=1e-2)
    copied = numbers(judge.values(judge.source))
    for key, value in numbers(judge.floor()).items():
        assert perfect[key] < value < copied[key]


def test_every_value_is_that_of_the_arrays(judge):
    fake, n = np.clip(judge.real + 0.3 * judge.source, -1, 1), len(judge.real)
    values = judge.values(fake, teacher=judge.source)
    params = lite0.load()
    x, y = (lite0.extract(params, pictures, size=64) for pictures in (fake, judge.real))
    assert list(numbers(values).values()) == [  # to the last bit
        kernel_distance(x, y),
        frechet_distance(x, y),
        l1_each(fake, judge.real).mean(),
        psnr(fake, judge.real),
        ssim(fake, judge.real),
        l1_each(fake, judge.source).mean(),
    ]
    kid, l1 = f"kid[lite0@64,last,report{n}-vs-real{n}]", f"l1[last,report{n}-vs-truth]"
    assert values[kid].interval == kernel_interval(x, y, Bootstrap())
    assert values[l1].interval == Bootstrap().mean_interval(l1_each(fake, judge.real))
    for protocol, value in values.items():
        if protocol.startswith("fd["):
            assert value.interval is None
        else:
            low, high = value.interval
            assert low < value.value < high and value.interval_protocol == str(Bootstrap())


def test_looks_are_counted(tmp_path):
    for count in (1, 2):
        Judge.open(few((0, 1)), (64, 64), 32, looks=tmp_path / "looks.jsonl")
        assert len(records.read(tmp_path / "looks.jsonl")) == count


def test_only_what_is_asked_and_can_be_known_is_measured():
    judge = Judge.open(few((0, 1, 2)), (48, 64), 32, metrics=("ssim", "l1"))
    assert judge.source.shape == judge.truth.shape == (3, 48, 64, 3)
    found = [key.partition("[")[0] for key in judge.values(judge.real)]
    assert found == ["l1", "ssim"] and judge.floor() == {}
    unpaired = Judge.open(few((0, 1, 2), paired=False), (64, 64), 32)
    assert unpaired.truth is None and unpaired.metrics == ("kid", "fd")
    found = unpaired.values(unpaired.source, teacher=unpaired.source)
    assert [key.partition("[")[0] for key in found] == ["kid", "fd", "l1"]
    with pytest.raises(UserError, match="no metric 'beauty'; valid are kid, fd, l1, psnr, ssim"):
        Judge.open(few((0,)), (64, 64), 32, metrics=("beauty",))


def test_only_ssim_needs_pictures_as_large_as_its_window():
    small = Judge.open(few((0, 1)), (8, 8), 32, metrics=("l1",))
    assert list(small.values(small.real)) == ["l1[last,report2-vs-truth]"]
    with pytest.raises(UserError, match="picture 0 of report is 8x8 px and picture 0 of truth 8x8"):
        Judge.open(few((0, 1)), (8, 8), 32, metrics=("ssim",)).values(small.real)


def test_every_picture_needs_a_partner(judge):
    with pytest.raises(UserError, match="expected a partner for each picture, got report2 and"):
        judge.values(judge.real[:2])
