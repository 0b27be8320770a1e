import pytest

from ganc.errors import UserError
from ganc.scores.row import Row
from ganc.scores.spread import print_spread, spread

L1, SSIM = "l1[report3-vs-truth]", "ssim[report3-vs-truth]"


def test_the_best_is_the_lowest_or_the_highest(capsys):
    runs = {s: [Row("student", {L1: 0.1 * s, SSIM: 0.2 * s}), Row("teacher", {L1: 0.5})]
            for s in (4, 5, 3)}  # fmt: skip
    student, teacher = spread(runs)
    assert (student["name"], student["seeds"]) == ("student", [4, 5, 3])
    l1, ssim = student["metrics"][L1], student["metrics"][SSIM]
    assert (l1["mean"], l1["std"]) == pytest.approx((0.4, 0.1))
    assert (l1["last"], l1["best"]) == pytest.approx((0.3, 0.3))
    assert (ssim["last"], ssim["best"]) == pytest.approx((0.6, 1.0))
    assert list(l1["values"]) == ["seed 4", "seed 5", "seed 3"]
    assert teacher["metrics"][L1]["std"] == 0
    print_spread([student, teacher])
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("mean", "deviation", "last", "best", "over 3 seeds"))


def test_one_seed_has_no_deviation():
    assert spread({0: [Row("x", {L1: 1.0})]})[0]["metrics"][L1]["std"] is None


def test_other_protocols_are_refused():
    with pytest.raises(UserError, match="cannot be compared"):
        spread({seed: [Row("x", {f"kid[a{seed}-vs-b]": 1.0})] for seed in (0, 1)})
