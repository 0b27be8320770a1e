"""A run in several processes: the numbers of one alone, and what becomes of it when one is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganc.errors import REQUEUE
from ganc.hosts import watch

HERE = Path(__file__).parent
LOST_AFTER, TIMEOUT = 5, 400


def start(workdir, devices, distributed, *event):
    command = [sys.executable, HERE / "worker.py", workdir, devices, distributed, *event]
    environment = os.environ | {watch.VARIABLE: str(LOST_AFTER)}
    environment["PYTHONPATH"] = str(HERE.parents[1])
    environment["NPROC"] = "2"  # threads of XLA: their number changes the order of additions
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(list(map(str, command)), env=environment, **options)


def together(workdir, *event):
    """Two processes of one device each: their exit codes and what they said, out and err."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [start(workdir, 1, f"127.0.0.1:{port},{i},2", *event) for i in range(2)]
    ends = []
    try:
        for process in both:
            said = process.communicate(timeout=TIMEOUT)
            ends.append((process.returncode, *said))
    finally:
        for process in both:
            process.kill()
    return ends


def alone(workdir, *event):
    process = start(workdir, 2, "", *event)
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


def newest(workdir):
    return max(int(path.name) for path in (workdir / "checkpoints" / "supernet").iterdir())


def losses(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return {(row.pop("stage"), row.pop("step")): row for row in rows}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of one process over two devices, in one go."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    code, _, err = alone(workdir)
    assert code == 0, err
    return workdir


def test_a_run_ends_the_same_whoever_runs_it(whole, tmp_path):
    workdir = tmp_path / "run"
    # Told to stop: both save at one step, and ask for a new start.
    for code, _, err in together(workdir, 2, 1, int(signal.SIGTERM)):
        assert code == REQUEUE, err
        assert "stopped: SIGTERM: supernet is saved at step" in err
    saved = newest(workdir)
    assert 1 <= saved < 7  # batches are made a few steps ahead
    code, out, err = alone(workdir, 9, 0, int(signal.SIGKILL))
    assert code == -signal.SIGKILL, err
    assert f"supernet: resuming at step {saved} of 10" in out
    (code, out, err), (other, quiet, _) = together(workdir)
    assert (code, other) == (0, 0), err
    assert "supernet: resuming at step" in out and "supernet" not in quiet
    ours, theirs = losses(workdir), losses(whole)
    for stage, step in ours.keys() & theirs.keys():
        # A row holds the mean since the row before: of fewer steps, where one was stopped.
        if stage == "pruned" or step - saved >= 2:
            found, expected = ours[stage, step], theirs[stage, step]
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-7), (stage, step)
    for stage, last in (("supernet", 10), ("pruned", 4)):
        assert (stage, last) in ours and (stage, last) in theirs
    a, b = (json.loads((path / "result.json").read_text()) for path in (workdir, whole))
    assert min(a["scores"], key=a["scores"].get) == min(b["scores"], key=b["scores"].get)
    assert b["zeros"] == 0.5
    for name in ("scores", "weight", "features", "l1", "zeros", "pruned"):
        assert a[name] == pytest.approx(b[name], abs=1e-6), name
    left = {path.name for path in workdir.rglob("*")}
    assert not [name for name in left if "partial" in name or "tmp" in name]


@pytest.mark.parametrize(("lost", "how"), [(0, "does not answer"), (1, "silent for 5 s")])
def test_who_is_lost_is_named(tmp_path, lost, how):
    workdir, begin = tmp_path / "run", time.monotonic()
    ends = together(workdir, 3 * lost, lost, int(signal.SIGKILL))
    (killed, *_), (code, _, err) = ends[lost], ends[1 - lost]
    assert killed == -signal.SIGKILL
    assert code == REQUEUE, err
    last = err.splitlines()[-1]
    assert last.startswith(f"stopped: process {lost} of 2 is missing") and how in last
    assert time.monotonic() - begin < TIMEOUT
