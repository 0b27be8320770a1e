import dataclasses
from dataclasses import dataclass, field
from functools import partial

import pytest

from ganc.compression.launch import launch
from ganc.compression.seeds import run_seeds
from ganc.compression.variants import ABLATION, ONLY, Variant, run_variants
from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.runs import records
from ganc.scores.row import Row

L1 = "l1[report3-vs-truth]"
COSTS = {"macs": {"published": 1, "true": 1}, "latency_ms": {"p50": 1.0, "p95": 1.0}}


@dataclass(frozen=True)
class Inner:
    weight: float = 1.0


@dataclass(frozen=True)
class Config:
    seed: int = 4
    inner: Inner = field(default_factory=Inner)


def distil(config, workdir):
    workdir.mkdir(parents=True, exist_ok=True)
    values = {"teacher": 0.5, "student": config.seed + config.inner.weight}
    rows = [Row(name, {L1: Value(value)}, params=1, **COSTS) for name, value in values.items()]
    return [*rows, Row("input copied", {L1: Value(0.9)})]


def alone(config, workdir):
    workdir.mkdir(parents=True, exist_ok=True)
    rows = [Row("teacher", {L1: Value(0.25 * config.seed)}, params=1, **COSTS)]
    return [*rows, Row("input copied", {L1: Value(0.9)})]


def run(config, workdir, only=()):
    variants = {
        "whole": Variant(distil, config),
        "light": Variant(distil, dataclasses.replace(config, inner=Inner(0.0))),
        "plain": Variant(alone, config),
    }
    return run_variants(variants, workdir, only)


def test_variants_side_by_side(tmp_path, capsys):
    rows = run(Config(), tmp_path / "run")
    values = {row.name: row.metrics[L1] for row in rows}
    assert values == {"teacher of whole": 0.5, "whole": 5, "light": 4, "plain": 1}
    assert sorted(path.name for path in (tmp_path / "run").glob("*/")) == [
        "light",
        "plain",
        "whole",
    ]
    lines = records.read(tmp_path / "run" / ABLATION)
    assert [Row.from_json(line).metrics for line in lines] == [row.metrics for row in rows]
    changed = {"whole": {}, "light": {"inner.weight": 0.0}, "plain": {}}
    assert {line["name"]: line["settings"] for line in lines[1:]} == changed
    assert "variants in" in capsys.readouterr().out


def test_some_variants_under_several_seeds(tmp_path):
    found = run_seeds(partial(run, only=["plain"]), Config(), tmp_path, 2)
    assert [row["name"] for row in found] == ["plain"]
    assert found[0]["metrics"][L1]["values"] == {"seed 4": 1, "seed 5": 1.25}


def test_what_a_variant_needs_runs_before_it_and_once(tmp_path, capsys):
    variants = {
        "whole": Variant(distil, Config()),
        "plain": Variant(alone, Config()),
        "light": Variant(distil, Config(), needs="whole"),
    }
    assert [row.name for row in run_variants(variants, tmp_path, ["light"])][1:] == [
        *("whole", "light")
    ]
    (tmp_path / "whole" / "results.jsonl").write_text("")
    assert [row.name for row in run_variants(variants, tmp_path, ["light"])][1:] == ["light"]


def test_the_flag(tmp_path, capfd):
    def start(*words):
        argv = ["--workdir", str(tmp_path / "run"), *words]
        launch("variants", {"first": Config()}, run, argv, flags=[ONLY])

    start("--only", "light", "plain", "--seed", "2")
    assert [line["name"] for line in records.read(tmp_path / "run" / ABLATION)] == [
        "teacher of light",
        "light",
        "plain",
    ]
    with pytest.raises(SystemExit) as end:
        start("--only", "heavy")
    assert end.value.code == 2
    assert "there is no variant 'heavy'; valid are whole, light, plain" in capfd.readouterr().err


def test_a_workdir_of_one_run_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run of its own"):
        run(Config(), tmp_path)
