"""The parts of the soak that take seconds; `tests/contracts/test_experiments.py` kills a run."""

import json

import pytest

from benchmarks import soak
from ganc.errors import RunError


def test_a_full_disk_costs_one_line():
    line = soak.full_disk()
    if line is None:
        pytest.skip("no small disk can be mounted here")
    assert line.startswith("stopped: checkpoint of step ") and "No space left on device" in line
    assert "the last good one is of step" in line


def test_what_differs_is_found(tmp_path):
    runs = [tmp_path / name for name in ("whole", "other")]
    for run in runs:
        run.mkdir()
        for name in soak.SAME:
            (run / name).write_text("same\n")
        (run / "student").mkdir()
        (run / "student" / "model.json").write_text(json.dumps({"params_sha256": "ab"}))
    soak.check_same(*runs)
    (runs[1] / "a.partial").touch()
    with pytest.raises(RunError, match=r"temporary files are left: .*a\.partial"):
        soak.check_same(*runs)
    (runs[1] / "a.partial").unlink()
    (runs[1] / "student" / "model.json").write_text(json.dumps({"params_sha256": "cd"}))
    with pytest.raises(RunError, match="the student of .*other differs"):
        soak.check_same(*runs)
    (runs[1] / "search.jsonl").write_text("other\n")
    with pytest.raises(RunError, match=r"search\.jsonl differs"):
        soak.check_same(*runs)
