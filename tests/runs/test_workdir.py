import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganc.errors import UserError
from ganc.runs.workdir import Workdir, environment


@dataclass(frozen=True)
class Config:
    steps: int = 10
    size: tuple[int, int] = (64, 64)
    data: Path | str = "earth"


def test_keeps_the_configuration_and_what_it_ran_on(tmp_path):
    work = Workdir(tmp_path / "deep" / "run", "toy", Config())
    about = json.loads((work.path / "config.json").read_text())
    assert about["config"] == {"experiment": "toy", "steps": 10, "size": [64, 64], "data": "earth"}
    assert about["environment"]["packages"]["jax"]
    assert len(about["environment"]["devices"]) >= 1
    assert work.metrics.parent == work.path


def test_is_resumed_with_the_same_configuration_and_keeps_its_stages(tmp_path):
    work = Workdir(tmp_path / "run", "toy", Config())
    first = (work.path / "config.json").read_bytes()
    assert work.stages() == {}
    work.complete("data", {"pictures": 3})
    work.complete("teacher", {"steps": 10})
    again = Workdir(tmp_path / "run", "toy", Config())
    assert again.stages() == {"data": {"pictures": 3}, "teacher": {"steps": 10}}
    assert (again.path / "config.json").read_bytes() == first
    again.complete("data", {"pictures": 4})
    assert work.stages()["data"] == {"pictures": 4}


def test_another_configuration_is_refused_and_names_what_changed(tmp_path):
    Workdir(tmp_path, "toy", Config())
    with pytest.raises(UserError, match=r"\(steps was 10, now 20\); .*--workdir"):
        Workdir(tmp_path, "toy", Config(steps=20))
    with pytest.raises(UserError, match=r"\(experiment was 'toy', now 'other'\)"):
        Workdir(tmp_path, "other", Config())


def test_files_that_are_no_run_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="holds files but no run"):
        Workdir(tmp_path, "toy", Config())
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}', '{"config": '])
def test_a_damaged_configuration_is_a_clear_error(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config.json is not the configuration of a run"):
        Workdir(tmp_path, "toy", Config())


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        Workdir(tmp_path / "file" / "run", "toy", Config())
    with pytest.raises(UserError):
        Workdir(tmp_path / "file", "toy", Config())


def test_the_environment_is_plain_values():
    about = environment()
    assert json.loads(json.dumps(about)) == about
    assert about["commit"] is None or len(about["commit"]) == 40


@dataclass(frozen=True)
class Nested:
    steps: int = 10
    inner: Config = Config()


def test_what_differs_is_named_by_its_flag(tmp_path):
    Workdir(tmp_path, "toy", Nested())
    with pytest.raises(UserError, match=r"\(inner.steps was 10, now 9\)"):
        Workdir(tmp_path, "toy", Nested(inner=Config(steps=9)))


def test_settings_out_of_range_make_no_workdir(tmp_path):
    with pytest.raises(UserError, match="--inner.steps takes a whole number from 0 to 1e9, got -1"):
        Workdir(tmp_path / "run", "toy", Nested(inner=Config(steps=-1)))
    assert not (tmp_path / "run").exists()


LOCKING = """
import fcntl, sys
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_two_processes_do_not_share_a_workdir(tmp_path):
    Workdir(tmp_path, "toy", Config())  # and lets go of it
    command = [sys.executable, "-c", LOCKING, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"locked\n"
        with pytest.raises(UserError, match="another run is at work in the workdir"):
            Workdir(tmp_path, "toy", Config())
        other.kill()
    first = Workdir(tmp_path, "toy", Config())
    second = Workdir(tmp_path, "toy", Config())  # the same process may look at its own run
    assert first.stages() == second.stages()
