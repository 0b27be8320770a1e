"""The published student in the runtimes that a user may have, each beside its teacher.

    python -m benchmarks.exporting --torch-python PYTHON_WITH_TORCH
    taskset -c 0 python -m benchmarks.exporting     # on one core

One picture at a time, as many threads for each as this process has cores. PyTorch and JAX run the
networks themselves, ONNX Runtime and OpenVINO (`pip install openvino`) the files of `ganc export
onnx`; what is not installed is left out and named. All take turns. Since other programs only ever
make a call longer, least times stand beside the medians, and on one core the seconds are those of
the processor, which leave out what others used. Weights are random.
"""

import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from rich.table import Table

from benchmarks.__main__ import PUBLISHED
from benchmarks.inference import forwards
from benchmarks.instruments import random_params
from benchmarks.networks import Networks
from benchmarks.peer import PYTORCH, Peer
from ganc import cli
from ganc.compression.settings import Compression
from ganc.export.onnx.check import session
from ganc.export.onnx.file import model_proto
from ganc.export.onnx.network import network
from ganc.metrics.latency import Timed, take_turns, timed
from ganc.ranges import whole
from ganc.runs.console import console
from ganc.types import Arch, Model

JAX, ONNX_RUNTIME, OPENVINO = "JAX", "ONNX Runtime", "OpenVINO"
AIMS = {ONNX_RUNTIME: 0.38, OPENVINO: 0.24}
"""Of PyTorch's time for the student, at most."""
MODELS = ("student", "teacher")

Key = tuple[str, str]
"""A runtime and one of `MODELS`."""


@dataclass(frozen=True)
class Line:
    """What a runtime takes for a picture.

    Attributes:
        runtime: its name.
        median: milliseconds, by model.
        least: the same of the fastest call.
    """

    runtime: str
    median: Mapping[str, float]
    least: Mapping[str, float]

    @property
    def faster(self) -> float:
        """How many times faster the student is, by the medians."""
        return self.median["teacher"] / self.median["student"]


def measure(
    networks: Networks, arch: Arch, python: str, repeats: int, threads: int
) -> Iterator[Line]:
    """A line per runtime that is installed.

    Args:
        networks: the published ones.
        arch: of the student.
        python: an interpreter that may have PyTorch.
        repeats: rounds in which each has its turn.
        threads: of each runtime; JAX takes what the process has.
    """
    student = networks.supernet.generator
    models = {
        "student": networks.supernet.cut(random_params(student.init), arch),
        "teacher": Model(networks.teacher, random_params(networks.teacher.init)),
    }
    files = {n: model_proto(network(m), {}).SerializeToString() for n, m in models.items()}
    x = np.ascontiguousarray(networks.pictures(1).transpose(0, 3, 1, 2))
    clock = time.process_time if threads == 1 else time.perf_counter
    compiled = forwards(networks, arch, clock)
    calls: dict[Key, Timed] = {(JAX, n): call for n, call in compiled.items()}
    for name, load in {ONNX_RUNTIME: in_onnx_runtime, OPENVINO: in_openvino}.items():
        if importlib.util.find_spec(name.replace(" ", "").lower()) is not None:
            calls |= {(name, n): timed(load(file, x, threads), clock) for n, file in files.items()}
    peer = Peer(python, networks.config, arch, threads)
    if peer.version is not None:
        calls |= {(PYTORCH, n): peer.timed(n) for n in MODELS}
    seconds = take_turns(calls, warmup=3, repeats=repeats)
    peer.close()
    for runtime in dict.fromkeys(name for name, _ in calls):
        found = {n: 1e3 * np.asarray(seconds[runtime, n]) for n in MODELS}
        median = {n: float(np.median(ms)) for n, ms in found.items()}
        yield Line(runtime, median, {n: float(ms.min()) for n, ms in found.items()})


def in_onnx_runtime(file: bytes, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """A call of a file's network on `x` (1 3 h w)."""
    ready = session(file, threads)
    return lambda: ready.run(None, {"picture": x})


def in_openvino(file: bytes, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """The same in OpenVINO."""
    core: Any = importlib.import_module("openvino").Core()
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(file), "CPU", options).create_infer_request()
    return lambda: request.infer([x])


def table(lines: Sequence[Line], fewer: float, threads: int) -> Table:
    """The lines, with the speed-up beside `fewer`, the teacher's multiply-adds in the student's."""
    peer = next((line for line in lines if line.runtime == PYTORCH), None)
    made = Table(
        title=f"one picture, {threads} thread{'s' * (threads > 1)}; the student has {fewer:.1f} "
        "times fewer multiply-adds",
        title_justify="left",
    )
    for column in ("", "student, ms", "least", "teacher, ms", "least", "faster", "of PyTorch"):
        made.add_column(column, justify="right" if column else "left")
    made.add_column("by the least")
    for line in lines:
        numbers = [f"{kind[n]:.2f}" for n in MODELS for kind in (line.median, line.least)]
        ratios = ["", ""]
        if peer is not None:
            pairs = ((line.median, peer.median), (line.least, peer.least))
            ratios = [f"{a['student'] / b['student']:.2f}" for a, b in pairs]
        aim = f" (aim {AIMS[line.runtime]})" if line.runtime in AIMS else ""
        made.add_row(line.runtime, *numbers, f"{line.faster:.1f}x", ratios[0], ratios[1] + aim)
    return made


def main(
    torch_python: str = sys.executable,
    size: Annotated[int, whole(8, 1024)] = PUBLISHED.size,
    repeats: Annotated[int, whole(1, 10_000)] = 40,
    arch: str = "16_16_32_16_32_32_16_16",
) -> None:
    """Times what is installed, and prints it.

    Args:
        torch_python: an interpreter with PyTorch.
        size: pixels of the picture's sides.
        repeats: rounds that count.
        arch: of the student.
    """
    report(replace(PUBLISHED, size=size), arch, torch_python, repeats)


def report(config: Compression, arch: str, torch_python: str, repeats: int) -> None:
    """See `main`; `config` has the networks."""
    networks = Networks.build(config)
    chosen = networks.supernet.space.decode(arch)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines = list(measure(networks, chosen, torch_python, repeats, threads or 1))
    fewer = networks.teacher_macs / networks.supernet.true_macs(chosen)
    console.print(table(lines, fewer, threads or 1))
    missing = {PYTORCH, JAX, ONNX_RUNTIME, OPENVINO} - {line.runtime for line in lines}
    if missing:
        console.print(f"not installed: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    cli.run(main)
