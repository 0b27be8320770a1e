"""Starts experiments as programs, as people do, and reads what they leave."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ganc import memory

ROOT = Path(__file__).parents[2]


def start(name: str, *flags: str) -> subprocess.Popen:
    """`python -m experiments.NAME FLAGS`, with its output in one pipe."""
    command = [sys.executable, "-m", f"experiments.{name}", *flags]
    environment = {k: v for k, v in os.environ.items() if k != memory.VARIABLE}
    # Compiling takes most of their time, and what is tested is the same without optimisations.
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(name: str, *flags: str, code: int = 0) -> str:
    """The output of such a program, which ends with exit code `code`."""
    process = start(name, *flags)
    try:
        output, _ = process.communicate(timeout=400)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == code, output
    return output


def kill_at(name: str, flags: Sequence[str], moments: Sequence[Callable[[], object]]) -> None:
    """Starts the program once for each of the moments, and kills it when that has come."""
    for reached in moments:
        process = start(name, *flags)
        while not reached():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()


def check_same(whole: Path, killed: Path) -> None:
    """Asserts that two runs ended with the same bits."""
    ours, theirs = rows(whole)["student"], rows(killed)["student"]
    assert ours["params_sha256"] == theirs["params_sha256"]
    assert ours["metrics"] == theirs["metrics"]
    assert (whole / "search.jsonl").read_text() == (killed / "search.jsonl").read_text()


@pytest.fixture(scope="module", autouse=True)
def compilation_cache(tmp_path_factory):
    """Programs are compiled once for the runs of all files, in the processes of `pytest -n` too."""
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(session / "jax")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    yield
    del os.environ["JAX_COMPILATION_CACHE_DIR"]
    del os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"]


def rows(workdir: Path) -> dict[str, dict]:
    """Model -> its row of the results."""
    lines = (workdir / "results.jsonl").read_text().splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}


def steps(workdir: Path, stage: str) -> int:
    """How many rows a training stage has logged."""
    file = workdir / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return sum(json.loads(line)["stage"] == stage for line in lines)


def check_left(smoke: Path, entries: int = 8) -> None:
    """Asserts that a once-for-all run has left what `experiments/README.md` lists."""
    names = {path.name for path in smoke.iterdir()}
    assert names >= {
        "config.json",
        "metrics.jsonl",
        "search.jsonl",
        "results.jsonl",
        "samples.png",
        "report.html",
        "teacher",
        "supernet",
        "student",
    }
    found = rows(smoke)
    assert list(found) == ["teacher", "student"]
    for row in found.values():
        assert set(row["macs"]) == {"published", "true"}
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p95"]
        assert len(row["params_sha256"]) == 64
        assert all(np.isfinite(value) for value in row["metrics"].values())
    budget = json.loads((smoke / "config.json").read_text())["config"]["search"]["budget"]
    assert found["student"]["macs"]["published"] <= budget < found["teacher"]["macs"]["published"]
    assert len(found["student"]["arch"].split("_")) == entries
    scored = [json.loads(line) for line in (smoke / "search.jsonl").read_text().splitlines()]
    assert found["student"]["arch"] == min(scored, key=lambda row: row["score"])["arch"]
    about = json.loads((smoke / "student" / "model.json").read_text())["about"]
    assert about["scores"] == found["student"]["metrics"]
    assert about["teacher_sha256"] == found["teacher"]["params_sha256"]
