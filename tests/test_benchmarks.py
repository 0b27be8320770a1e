"""The benchmark's table is complete; how fast anything is, no test can say."""

import math
import sys

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.instruments import Row
from benchmarks.networks import Networks
from benchmarks.peer import Peer
from experiments import benchmarks as door
from ganc.errors import UserError
from ganc.runs import records

OURS = {
    "teacher step",
    "supernet step",
    "traces, supernet training",
    "masked / unmasked generator gradient",
    "trace and discovery of 1,000 steps",
    "masks read off / placed by hand, forward",
    "masks read off / placed by hand, gradient",
    "search: shape classes",
    "search: shape classes, compiling",
    "search: specialised",
    "search: specialised, compiling",
    "search: shape classes, eight in a call",
    "search: full width",
    "search: Python loop of masks",
    "search: speed over full-width masks",
    "search: speed over specialising with compiles",
    "search: time / floor",
    "traces, search",
    "latency, teacher",
    "latency, student",
    "student's speed-up / its fewer multiply-adds",
    "teacher, ganc",
    "student, ganc",
    "supernet step, ganc",
}
PEER = {
    f"{name}, {who}"
    for name in ("teacher", "student", "supernet step")
    for who in ("PyTorch", "ganc / PyTorch")
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The rows of the smoke preset, beside an interpreter without PyTorch."""
    workdir = tmp_path_factory.mktemp("benchmarks")
    bare = workdir / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    argv = ["--preset", "smoke", "--workdir", str(workdir / "run"), "--torch-python", str(bare)]
    door.main(argv)
    return {row["name"]: row for row in records.read(workdir / "run" / "results.jsonl")}


def test_every_row_is_there_and_finite(rows):
    assert rows.keys() == OURS | PEER
    for name in OURS:
        row = rows[name]
        assert math.isfinite(row["measured"]) and row["measured"] > 0, name
        if row["floor"] is not None:
            assert math.isfinite(row["ratio"]) and row["ratio"] > 0, name


def test_one_trace_per_class(rows):
    for name in ("traces, search", "traces, supernet training"):
        assert rows[name]["ratio"] == 1, name


def test_without_pytorch_the_rows_say_so(rows):
    for name in PEER:
        assert rows[name]["measured"] is None
        assert rows[name]["note"] == "PyTorch is not installed"


def test_ratio_is_how_many_times_worse_than_the_floor():
    assert Row("a", "ms", 6.0, 2.0).ratio == 3
    assert Row("a", "pictures/s", 2.0, 6.0).ratio == 3
    assert Row("a", "times", 2.0).ratio is None


def test_supernet_step_counts_every_pass():
    networks = Networks.build(benchmarks.SMOKE)
    # PatchGAN, ndf 4, 32 px: outputs of 16, 8, 4, 3 and 2 px.
    judge = 16 * (3 * 4 * 16**2 + 4 * 8 * 8**2 + 8 * 16 * 4**2 + 16 * 32 * 3**2 + 32 * 2**2)
    assert networks.judge_macs == judge
    supernet, arch = networks.supernet, networks.supernet.space.smallest
    adaptors = 4 * 8**2 * 8 * 16
    expected = networks.teacher_macs + 3 * (supernet.true_macs(arch) + adaptors)
    assert networks.supernet_step_macs(arch) == expected + 8 * judge


def test_an_interpreter_that_is_not_there_is_refused(tmp_path):
    config = benchmarks.PRESETS["smoke"]
    with pytest.raises(UserError, match="--torch-python"):
        Peer(str(tmp_path / "none"), config.peer, (2,) * 8)


def test_the_peer_answers_in_seconds():
    pytest.importorskip("torch")
    config = benchmarks.PRESETS["smoke"]
    peer = Peer(sys.executable, config.peer, (2,) * 8)
    calls = [peer.timed("teacher"), peer.timed("student"), peer.timed("step", (4, 2) * 4)]
    assert all(math.isfinite(call()) for call in calls)
    peer.close()
