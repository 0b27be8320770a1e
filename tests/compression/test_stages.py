import dataclasses
import json
import shutil

import pytest

from ganc.compression.settings import Compression, Distillation
from ganc.compression.stages import parse_stages, prepare
from ganc.errors import UserError
from ganc.runs import records
from ganc.runs.workdir import Workdir
from ganc.search.search import Search

CONFIG = Compression(data="earth")
LEAVES = {
    "teacher": ["teacher/model.json", "discriminator/model.json"],
    "supernet": ["checkpoints/supernet/600/state"],
    "search": ["search.jsonl", "supernet/model.json"],
}


def workdir(path, config=CONFIG, stages=()):
    work = Workdir(path, "toy", dataclasses.replace(config, stages=""))
    for stage in stages:
        for name in LEAVES[stage]:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(f"{stage} of {path.name}")
        records.append(work.metrics, {"stage": stage, "step": 1, "loss": 0.5})
        work.complete(stage, {"seconds": 1.0})
    return work


def files(path):
    return {str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.is_file()}


def test_stages_are_run_in_their_order():
    assert parse_stages("supernet, teacher", "fast") == ("teacher", "supernet")
    assert parse_stages("", "fast") == ("teacher", "supernet", "search", "specialise", "evaluate")
    assert "pre_distillation" in parse_stages("", "original")
    assert parse_stages("", "scratch") == ("teacher", "specialise", "evaluate")
    with pytest.raises(UserError, match="no stage 'pre_distillation'; valid are teacher, supernet"):
        parse_stages("pre_distillation", "fast")


def test_what_a_stage_needs_is_asked_for_or_complete(tmp_path):
    config = dataclasses.replace(CONFIG, stages="search")
    work = workdir(tmp_path / "run", config, ["teacher"])
    with pytest.raises(UserError, match="--stages search needs the stage supernet, which is not"):
        prepare(work, config)
    assert prepare(work, dataclasses.replace(config, stages="supernet,search")) == "search"
    assert prepare(work, CONFIG) == "evaluate"


def test_a_setting_that_is_newer_than_a_run_had_its_default(tmp_path):
    other = workdir(tmp_path / "other", stages=["teacher"])
    file = other.path / "config.json"
    settings = json.loads(file.read_text())
    del settings["config"]["crop"]
    file.write_text(json.dumps(settings))
    for crop, taken in ((0, True), (64, False)):
        config = dataclasses.replace(CONFIG, crop=crop, origin=str(other.path))
        work = workdir(tmp_path / str(crop), config)
        if taken:
            prepare(work, config)
            assert "teacher" in work.stages()
            continue
        with pytest.raises(UserError, match="crop was 0, now 64"):
            prepare(work, config)


def test_finished_stages_of_another_run_are_taken(tmp_path, capsys):
    workdir(tmp_path / "other", stages=["teacher", "supernet", "search"])
    config = dataclasses.replace(
        CONFIG, origin=str(tmp_path / "other"), search=Search(budget=1e9), stages="search"
    )
    work = workdir(tmp_path / "run", config)
    assert prepare(work, config) == "search"
    assert work.stages().keys() == {"teacher", "supernet"}  # the search is another
    found = files(work.path)
    for stage in ("teacher", "supernet"):
        assert all(found[name] == f"{stage} of other" for name in LEAVES[stage])
    assert "search.jsonl" not in found
    assert [row["stage"] for row in records.read(work.metrics)] == ["teacher", "supernet"]
    assert "taken from" in capsys.readouterr().out
    prepare(work, config)  # again, after a kill
    shutil.rmtree(tmp_path / "other")
    prepare(work, config)
    assert files(work.path) == found


def test_nothing_is_taken_after_a_stage_of_other_settings(tmp_path, capsys):
    workdir(tmp_path / "other", stages=["teacher", "supernet", "search"])
    config = dataclasses.replace(
        CONFIG, origin=str(tmp_path / "other"), supernet=Distillation(constant_steps=5)
    )
    work = workdir(tmp_path / "run", config)
    prepare(work, config)
    assert work.stages().keys() == {"teacher"}
    assert "supernet was run with other settings" in " ".join(capsys.readouterr().out.split())
    config = dataclasses.replace(CONFIG, origin=str(tmp_path / "other"), seed=1)
    with pytest.raises(UserError, match="can be reused: teacher .* settings .seed was 0, now 1"):
        prepare(workdir(tmp_path / "seed1", config), config)


def test_a_stage_that_is_asked_for_is_run_again(tmp_path):
    workdir(tmp_path / "other", stages=["teacher", "supernet"])
    config = dataclasses.replace(CONFIG, origin=str(tmp_path / "other"), stages="supernet")
    work = workdir(tmp_path / "run", config)
    prepare(work, config)
    assert work.stages().keys() == {"teacher"}


def test_what_is_no_run_of_this_experiment(tmp_path):
    config = dataclasses.replace(CONFIG, origin=str(tmp_path / "nothing"))
    work = workdir(tmp_path / "run", config)
    with pytest.raises(UserError, match="no workdir of a run"):
        prepare(work, config)
    other = workdir(tmp_path / "other")
    about = json.loads((other.path / "config.json").read_text())
    about["config"]["experiment"] = "another"
    (other.path / "config.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="a run of another, this is toy"):
        prepare(work, dataclasses.replace(config, origin=str(other.path)))
