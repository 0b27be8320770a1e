"""The rows beside PyTorch, which runs in a process of its own."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks.inference import forwards
from benchmarks.instruments import Row, make_product, medians
from benchmarks.networks import Networks
from benchmarks.training import draws, make_supernet_step
from ganc.compression.settings import Compression
from ganc.errors import UserError
from ganc.metrics.latency import Timed, timed
from ganc.types import Arch

PYTORCH, MISSING = "PyTorch", "PyTorch is not installed"


class Peer:
    """A process with PyTorch that runs, on request, what `torch_peer` holds.

    Attributes:
        version: of PyTorch; None where it is not installed.

    Given `threads`, it uses so many; of one alone it measures the processor's seconds.
    """

    def __init__(self, python: str, config: Compression, arch: Arch, threads: int | None = None):
        probe = [python, "-c", "import torch; print(torch.__version__)"]
        try:
            found = subprocess.run(probe, capture_output=True, text=True)
        except OSError as error:
            raise UserError(f"--torch-python {python}: {error.strerror}") from error
        self.version = None if found.returncode else found.stdout.strip()
        if self.version is None:
            return
        asked = {
            "size": config.size,
            "teacher": (config.train_teacher.ngf, config.train_teacher.blocks),
            "student": (config.ngf, config.blocks),
            "ndf": config.ndf,
            "arch": arch,
            "threads": threads or os.cpu_count() or 1,
            "clock": "process_time" if threads == 1 else "perf_counter",
            "device": "cuda" if jax.default_backend() == "gpu" else "cpu",
        }
        command = [python, str(Path(__file__).with_name("torch_peer.py")), json.dumps(asked)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def timed(self, name: str, arch: Arch | None = None) -> Timed:
        """A call of `name`; the seconds are those that the process measured."""

        def run() -> float:
            print(json.dumps({"call": name, "arch": arch}), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())

        return run

    def close(self) -> None:
        """Ends the process."""
        if self.version is not None:
            self._process.communicate()


def beside_pytorch(
    networks: Networks, student: str, python: str, steps: int, repeats: int, product: int
) -> Iterator[Row]:
    """Forward passes and supernet steps, in turn with PyTorch where it is installed."""
    supernet = networks.supernet
    arch, archs = supernet.space.decode(student), draws(networks, steps)
    step = make_supernet_step(networks, supernet.generator)
    ours: dict[Any, Timed] = dict(forwards(networks, arch))
    ours |= {i: timed(lambda i=i: step(i)) for i in range(len(archs))}
    theirs: dict[Any, Timed] = {}
    peer = Peer(python, networks.config, arch)
    if peer.version is not None:
        theirs = {name: peer.timed(name) for name in ("teacher", "student")}
        theirs |= {i: peer.timed("step", drawn) for i, drawn in enumerate(archs)}
    calls = {(who, key): call for key in ours for who, c in (("ganc", ours), (PYTORCH, theirs))
             if (call := c.get(key))}  # fmt: skip
    calls["product"] = make_product(product)
    seconds = medians(calls, repeats)
    peer.close()

    rate = product**3 / seconds["product"]
    macs = {
        "teacher": networks.teacher_macs,
        "student": supernet.true_macs(arch),
        "supernet step": sum(map(networks.supernet_step_macs, archs)) / len(archs),
    }
    keys = {"teacher": ["teacher"], "student": ["student"], "supernet step": range(len(archs))}
    versions = {"ganc": f"JAX {jax.__version__}", PYTORCH: peer.version}
    for name, count in macs.items():
        measured: dict[str, float | None] = {}
        for who, version in versions.items():
            known = version is not None
            measured[who] = _mean_ms(seconds, who, keys[name]) if known else None
            note = version if known else MISSING
            yield Row(f"{name}, {who}", "ms", measured[who], 1e3 * count / rate, note=note)
        ours_ms, theirs_ms = measured.values()
        yield Row(
            f"{name}, ganc / {PYTORCH}", "times", theirs_ms and ours_ms / theirs_ms, aim="<= 1",
            note="" if theirs_ms else MISSING,
        )  # fmt: skip


def _mean_ms(seconds: dict[Any, float], who: str, keys: Sequence[Any]) -> float:
    return 1e3 * sum(seconds[who, key] for key in keys) / len(keys)
