"""Times training, search and inference, each beside its floor and beside PyTorch.

    python -m experiments.benchmarks

In about five minutes on two idle CPU cores: the Earth configuration of `experiments.cyclegan_ofa`
at 64 px on random pictures, then the published networks at 128 px beside the same in PyTorch. With
`--torch-python PATH`, PyTorch is that of another interpreter; without PyTorch, its rows say so.
Leave JAX's persistent compilation cache off: rows with "compiling" count compilations.

A floor is the number of multiply-adds of a row divided by the rate that a large float32 matrix
product reaches, timed in turn with the row on the same device. What is counted, for one picture:

    forward      the architecture's own multiply-adds, true convention, whatever class it runs in
    teacher step 3 (forward, two gradients) x 6 generator passes, 2 (no weight gradient) x 2 and
                 3 x 4 discriminator passes
    supernet     1 x teacher, 3 x student and adaptors, 2 x 1 and 3 x 2 discriminator passes

Every number is a median; what is compared takes turns, and is given the same architectures.
"""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
from rich.table import Table

from experiments import cyclegan_ofa, cyclegan_teacher
from experiments._bench import (
    candidates_of,
    draws,
    forwards,
    latency,
    make_supernet_step,
    masked_step,
    search,
    training,
)
from experiments._instruments import Row, Setup, Timed, make_product, take_turns, timed
from experiments._launch import launch
from ganc.errors import UserError
from ganc.runs import records
from ganc.runs.console import console
from ganc.runs.workdir import Workdir
from ganc.types import Arch

PUBLISHED = dataclasses.replace(
    cyclegan_ofa.PRESETS["horse2zebra"],
    size=128,
    train_teacher=cyclegan_teacher.PRESETS["horse2zebra"],
)


@dataclass(frozen=True)
class Config:
    """What to time, and how often."""

    ours: cyclegan_ofa.Config = cyclegan_ofa.PRESETS["earth64"]
    """networks, space and budget of the rows without a peer"""
    peer: cyclegan_ofa.Config = PUBLISHED
    """networks and space of the rows beside PyTorch"""
    peer_arch: str = "16_16_32_16_32_32_16_16"  # the published horse2zebra student
    """the student of those rows"""
    candidates: int = 64
    """architectures within the budget that a search meets"""
    pictures: int = 16
    """pictures of each"""
    steps: int = 24
    """drawn architectures that supernet steps are averaged over"""
    peer_steps: int = 6
    """the same beside PyTorch"""
    repeats: int = 5
    """rounds that count; one more goes before"""
    product: int = 2048
    """side of the matrices whose product sets the floor"""
    torch_python: str = sys.executable
    """an interpreter with PyTorch"""


SMOKE = dataclasses.replace(
    cyclegan_ofa.PRESETS["smoke"], size=32, ngf=4, blocks=3, space="4/2",
    train_teacher=cyclegan_teacher.PRESETS["smoke"],
)  # fmt: skip
PRESETS = {
    "default": Config(),
    "smoke": Config(
        ours=SMOKE,
        peer=SMOKE,
        peer_arch="2_4_2_4_2_4_2_4",
        candidates=3,
        pictures=2,
        steps=2,
        peer_steps=2,
        repeats=1,
        product=64,
    ),
}


class Peer:
    """A process with PyTorch that runs, on request, what `_torch_peer` holds.

    Attributes:
        version: of PyTorch; None where it is not installed.
    """

    def __init__(self, python: str, config: cyclegan_ofa.Config, arch: Arch):
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
            "device": "cuda" if jax.default_backend() == "gpu" else "cpu",
        }
        command = [python, str(Path(__file__).with_name("_torch_peer.py")), json.dumps(asked)]
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


def beside_pytorch(config: Config) -> Iterator[Row]:
    """Forward passes and supernet steps, in turn with PyTorch where it is installed."""
    setup = Setup.of(config.peer)
    arch, archs = setup.space.decode(config.peer_arch), draws(setup, config.peer, config.peer_steps)
    step = make_supernet_step(setup, config.peer, setup.student)
    ours: dict[Any, Timed] = dict(forwards(setup, arch))
    ours |= {i: timed(lambda i=i: step(i)) for i in range(len(archs))}
    theirs: dict[Any, Timed] = {}
    peer = Peer(config.torch_python, config.peer, arch)
    if peer.version is not None:
        theirs = {name: peer.timed(name) for name in ("teacher", "student")}
        theirs |= {i: peer.timed("step", drawn) for i, drawn in enumerate(archs)}
    calls = {(who, key): call for key in ours for who, c in (("ganc", ours), (PYTORCH, theirs))
             if (call := c.get(key))}  # fmt: skip
    calls["product"] = make_product(config.product)
    seconds = take_turns(calls, config.repeats)
    peer.close()

    rate = config.product**3 / seconds["product"]
    macs = {
        "teacher": setup.macs(setup.teacher),
        "student": setup.macs(setup.student, arch),
        "supernet step": sum(map(setup.supernet_step_macs, archs)) / len(archs),
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


PYTORCH, MISSING = "PyTorch", "PyTorch is not installed"


def _mean_ms(seconds: dict[Any, float], who: str, keys: Sequence[Any]) -> float:
    return 1e3 * sum(seconds[who, key] for key in keys) / len(keys)


def measure(config: Config) -> Iterator[Row]:
    """Every row of the table."""
    setup, ours = Setup.of(config.ours), config.ours
    yield from training(setup, ours, config.steps, config.repeats, config.product)
    yield from masked_step(setup, ours, config.repeats)
    yield from search(
        setup, ours, config.candidates, config.pictures, config.repeats, config.product
    )
    student = max(
        candidates_of(setup, ours, config.candidates), key=partial(setup.macs, setup.student)
    )
    yield from latency(setup, student, config.repeats, config.product)
    yield from beside_pytorch(config)


def run(config: Config, workdir: Path) -> list[dict[str, Any]]:
    """Measures, prints and writes the rows."""
    work = Workdir(workdir, "benchmarks", config)
    rows = []
    for row in measure(config):
        rows.append(dataclasses.asdict(row) | {"ratio": row.ratio})
        console.print(f"{row.name}: {_show(row.measured)} {row.unit}", highlight=False)
    records.write(work.path / "results.jsonl", rows)
    print_table(rows)
    return rows


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """The rows as a table."""
    table = Table(title=f"benchmarks, {jax.devices()[0].device_kind}", title_justify="left")
    for column in ("", "measured", "floor", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    table.add_column("unit")
    table.add_column("aim, note", overflow="fold")
    for row in rows:
        numbers = (_show(row[key]) for key in ("measured", "floor", "ratio"))
        notes = ", ".join(filter(None, (row["aim"], row["note"])))
        table.add_row(row["name"], *numbers, row["unit"], notes)
    console.print(table)


def _show(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


if __name__ == "__main__":
    launch("benchmarks", PRESETS, run)
