"""Self-supervised compression runs end to end from the command line, and survives kills."""

import json
import signal
import time
from pathlib import Path

import numpy as np
from programs import compilation_cache, finish, rows, start, steps

from ganc.models import store
from ganc.models.flat import params_sha256

assert compilation_cache  # a fixture of this file too

FLAGS = ("--preset", "smoke", "--task", "dcgan")


def test_a_killed_run_ends_in_the_same_bits_and_leaves_what_it_promises(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    output = finish("self_supervised", *FLAGS, "--workdir", str(whole))
    assert "student: 4 of 4, " in output and "zeros: 50.0%" in output
    check_left(whole)

    # Its second half, from a checkpoint with masks: the first is what the run above left.
    process = start("self_supervised", *FLAGS, "--workdir", str(killed))
    try:
        while not (killed / "checkpoints" / "student" / "2").exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert "evaluate" not in json.loads((killed / "stages.json").read_text())
    finish("self_supervised", *FLAGS, "--workdir", str(killed))
    assert steps(killed, "student") == 2
    assert {n: r["params_sha256"] for n, r in rows(killed).items()} == {
        n: r["params_sha256"] for n, r in rows(whole).items()
    }


def check_left(workdir: Path) -> None:
    names = {path.name for path in workdir.iterdir()}
    assert names >= {
        *("config.json", "metrics.jsonl", "results.jsonl", "samples.png", "report.html"),
        *("teacher", "student", "discriminator", "sparsity.json"),
    }
    found = rows(workdir)
    assert list(found) == ["teacher", "student"]
    for name, row in found.items():
        assert all(np.isfinite(value) for value in row["metrics"].values())
        assert params_sha256(store.load(workdir / name).params) == row["params_sha256"]
    sparse = json.loads((workdir / "sparsity.json").read_text())
    assert 0.49 < sparse["zeros"] <= 0.5 and sparse["effective_macs"] < 0.51 * sparse["macs"]
    size = {n: (workdir / n / "params.npz").stat().st_size for n in found}
    assert size["student"] < size["teacher"]
