from dataclasses import dataclass

import pytest

from ganc.compression.seeds import run_seeds
from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.runs import records
from ganc.scores.row import Row

L1, SSIM = "l1[report3-vs-truth]", "ssim[report3-vs-truth]"


@dataclass(frozen=True)
class Config:
    seed: int = 4


def run(config, workdir):
    workdir.mkdir(parents=True)
    return [
        Row("student", {L1: Value(0.1 * config.seed), SSIM: Value(-1.0 * config.seed)}),
        Row("teacher", {L1: Value(0.5)}),
    ]


def test_the_spread_over_seeds(tmp_path, capsys):
    rows = run_seeds(run, Config(), tmp_path / "run", 3)
    assert sorted(p.name for p in (tmp_path / "run").glob("seed?")) == ["seed4", "seed5", "seed6"]
    assert records.read(tmp_path / "run" / "seeds.jsonl") == rows
    assert [row["name"] for row in rows] == ["student", "teacher"]
    assert rows[0]["seeds"] == [4, 5, 6]
    found = rows[0]["metrics"]
    assert found[L1]["values"] == {"seed 4": 0.4, "seed 5": 0.5, "seed 6": pytest.approx(0.6)}
    assert found[L1]["mean"] == pytest.approx(0.5) and found[L1]["std"] == pytest.approx(0.1)
    assert found[L1]["last"] == pytest.approx(0.6) and found[L1]["best"] == 0.4
    assert found[SSIM]["best"] == -4 and found[SSIM]["last"] == -6
    assert rows[1]["metrics"][L1]["std"] == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("mean", "deviation", "last", "best", "over 3 seeds"))


def test_mistakes(tmp_path):
    with pytest.raises(UserError, match="--seeds takes 1 or more, got 0"):
        run_seeds(run, Config(), tmp_path, 0)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run of one seed"):
        run_seeds(run, Config(), tmp_path, 2)
