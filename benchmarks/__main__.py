"""Times training, search and inference, each beside its floor and beside PyTorch.

    python -m benchmarks

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
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from rich.table import Table

from benchmarks.discovering import discovery
from benchmarks.inference import latency
from benchmarks.instruments import Row
from benchmarks.networks import Networks
from benchmarks.peer import beside_pytorch
from benchmarks.searching import affordable, search
from benchmarks.training import masked_step, training
from ganc.compression.launch import launch
from ganc.compression.settings import Compression
from ganc.recipes import cyclegan_ofa, cyclegan_teacher
from ganc.runs import records
from ganc.runs.console import console
from ganc.runs.workdir import Workdir

PUBLISHED = dataclasses.replace(
    cyclegan_ofa.PRESETS["horse2zebra"],
    size=128,
    train_teacher=cyclegan_teacher.PRESETS["horse2zebra"],
)


@dataclass(frozen=True)
class Config:
    """What to time, and how often."""

    ours: Compression = cyclegan_ofa.PRESETS["earth64"]
    """networks, space and budget of the rows without a peer"""
    peer: Compression = PUBLISHED
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


def measure(config: Config) -> Iterator[Row]:
    """Every row of the table."""
    networks = Networks.build(config.ours)
    yield from training(networks, config.steps, config.repeats, config.product)
    yield from masked_step(networks, config.repeats)
    yield from discovery(networks, config.repeats)
    yield from search(networks, config.candidates, config.pictures, config.repeats, config.product)
    student = max(affordable(networks, config.candidates), key=networks.supernet.true_macs)
    yield from latency(networks, student, config.repeats, config.product)
    yield from beside_pytorch(
        Networks.build(config.peer),
        config.peer_arch,
        config.torch_python,
        config.peer_steps,
        config.repeats,
        config.product,
    )


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


def main(argv: Sequence[str] | None = None) -> None:
    """Runs what the command line asks for."""
    launch("benchmarks", PRESETS, run, argv)


if __name__ == "__main__":
    main()
