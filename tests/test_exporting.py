"""The table of runtimes is complete; how fast any is, no test can say."""

import math
from dataclasses import replace

import pytest

from benchmarks import exporting
from benchmarks.__main__ import SMOKE
from benchmarks.networks import Networks

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Of tiny networks, beside an interpreter without PyTorch."""
    bare = tmp_path_factory.mktemp("bare") / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    networks = Networks.build(replace(SMOKE, size=16))
    return list(exporting.measure(networks, (2, 4) * 4, str(bare), 2, 1))


def test_student_and_teacher_are_timed_in_each_runtime(lines):
    known = {line.runtime: line for line in lines}
    assert {exporting.JAX, exporting.ONNX_RUNTIME} <= known.keys() and "PyTorch" not in known
    for line in lines:
        assert line.median.keys() == line.least.keys() == {"student", "teacher"}
        assert all(0 < line.least[n] <= line.median[n] < math.inf for n in line.median)


def test_ratios_to_pytorch_are_those_of_students():
    times = {"student": 10.0, "teacher": 80.0}
    peer = exporting.Line("PyTorch", times, {"student": 8.0, "teacher": 70.0})
    ours = exporting.Line(
        exporting.OPENVINO, {"student": 2.0, "teacher": 30.0}, {"student": 1.0, "teacher": 9.0}
    )
    made = exporting.table([peer, ours], 20.0, 1)
    cells = [list(column.cells) for column in made.columns]
    assert [cell[1] for cell in cells] == [
        *("OpenVINO", "2.00", "1.00", "30.00", "9.00", "15.0x", "0.20", "0.12 (aim 0.24)")
    ]
    assert "20.0 times fewer" in str(made.title)
