import pytest

from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.scores.row import Row
from ganc.scores.spread import print_spread, spread

L1, SSIM = "l1[report3-vs-truth]", "ssim[report3-vs-truth]"


def student(seed):
    return Row("student", {L1: Value(0.1 * seed), SSIM: Value(0.2 * seed)})


def test_the_best_is_the_lowest_or_the_highest(capsys):
    runs = {seed: [student(seed), Row("teacher", {L1: Value(0.5)})] for seed in (4, 5, 3)}
    small, full = spread(runs)
    assert (small["name"], small["seeds"]) == ("student", [4, 5, 3])
    l1, ssim = small["metrics"][L1], small["metrics"][SSIM]
    assert (l1["mean"], l1["std"]) == pytest.approx((0.4, 0.1))
    assert (l1["last"], l1["best"]) == pytest.approx((0.3, 0.3))
    assert (ssim["last"], ssim["best"]) == pytest.approx((0.6, 1.0))
    assert list(l1["values"]) == ["seed 4", "seed 5", "seed 3"]
    assert full["metrics"][L1]["std"] == 0
    print_spread([small, full])
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("mean", "deviation", "last", "best", "over 3 seeds"))


def test_one_seed_has_no_deviation():
    assert spread({0: [Row("x", {L1: Value(1.0)})]})[0]["metrics"][L1]["std"] is None


def test_other_protocols_are_refused():
    with pytest.raises(UserError, match="cannot be compared"):
        spread({seed: [Row("x", {f"kid[a{seed}-vs-b]": Value(1.0)})] for seed in (0, 1)})
