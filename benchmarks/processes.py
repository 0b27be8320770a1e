"""One run by one process of four devices, by two of two and by four of one: the same numbers.

    python -m benchmarks.processes

On this machine's processors, by the collectives of JAX's CPU backend (gloo); minutes.
"""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ganc import cli
from ganc.errors import RunError
from ganc.runs import records

ROOT = Path(__file__).parents[1]
SHAPES = ((1, 4), (2, 2), (4, 1))
"""Processes, and devices of each."""
FLAGS = ("--preset", "smoke", "--supernet.batch", "4", "--fine-tune.batch", "4")


def run(workdir: Path, processes: int, devices: int) -> None:
    """The smoke run with batches of four pictures."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    # Threads of XLA, by default as many as cores or, if there are more, devices of the process: how
    # many there are changes the order in which a convolution adds.
    environment["NPROC"] = "4"
    command = [sys.executable, "-m", "experiments.cyclegan_ofa", *FLAGS, "--workdir", str(workdir)]
    started = [
        subprocess.Popen(
            [*command, "--distributed", f"{address},{index},{processes}"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(processes)
    ]
    said = [process.communicate()[0] for process in started]
    for process, output in zip(started, said, strict=True):
        if process.returncode:
            raise RunError(f"a process ended with {process.returncode}: {output[-2000:]}")


def compare(one: Path, other: Path) -> tuple[float, float]:
    """The largest differences of losses, in parts of them, and of scores of candidates."""
    losses = [records.read(path / "metrics.jsonl") for path in (one, other)]
    gaps = [
        abs(a[name] / b[name] - 1)
        for a, b in zip(*losses, strict=True)
        for name in a
        if name not in ("stage", "step")
    ]
    searched = [records.read(path / "search.jsonl") for path in (one, other)]
    if [row["arch"] for row in searched[0]] != [row["arch"] for row in searched[1]]:
        raise RunError("other architectures were scored")
    chosen = [records.read(path / "results.jsonl")[-1]["arch"] for path in (one, other)]
    if chosen[0] != chosen[1]:
        raise RunError(f"{chosen[1]} was chosen instead of {chosen[0]}")
    scores = [abs(a["score"] - b["score"]) for a, b in zip(*searched, strict=True)]
    return float(np.max(gaps)), float(np.max(scores))


def main() -> None:
    """Runs all shapes and prints how far they are from the first."""
    with tempfile.TemporaryDirectory(prefix="ganc-processes-") as place:
        first = None
        for processes, devices in SHAPES:
            workdir = Path(place, f"{processes}x{devices}")
            run(workdir, processes, devices)
            first = first or workdir
            losses, scores = compare(first, workdir)
            print(
                f"{processes} x {devices}: losses differ by {losses:.1e} of them, "
                f"scores by {scores:.1e}, the same student",
                flush=True,
            )


if __name__ == "__main__":
    cli.run(main)
