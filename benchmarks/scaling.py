"""How long a published run takes on more devices, from costs that were measured on one.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --step 0.021 --candidate 0.4   # seconds, of your device

Arithmetic, nothing is run. The defaults are horse2zebra (485,600 pictures of 256 px, 50,100
candidates of 120 pictures) and, as the device, two cores of an AMD EPYC: the rows of
`experiments/README.md` at 128 px, times the four times as many pixels.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from rich.table import Table

from ganc import cli
from ganc.ranges import number, whole
from ganc.runs.console import console

DEVICES = (1, 8, 64)
SHARE = 0.1
"""The part of a step's time that the exchange of gradients may take."""


@dataclass(frozen=True)
class Costs:
    """What a run consists of, and what each part costs on one device.

    Attributes:
        pictures: that the supernet's training sees.
        batch: pictures of a step.
        step: seconds of a step with one picture.
        generations: of the search, the first among them.
        population: candidates of each.
        candidate: seconds to draw and score the search split with one.
        gradients: bytes that devices sum in each step.
        state: bytes of a checkpoint.
        every: steps between checkpoints.
    """

    pictures: int = 485_600
    batch: int = 64
    step: float = 4 * 0.476
    generations: int = 501
    population: int = 100
    candidate: float = 4 * 0.0193 * 120
    gradients: float = 20.06e6
    state: float = 60.18e6
    every: int = 500


@dataclass(frozen=True)
class Plan:
    """A run on so many devices.

    Attributes:
        training: seconds.
        search: seconds.
        input: batches of one picture of each domain a second that have to be made.
        exchange: bytes a second between devices at which gradients take `SHARE` of a step.
        disk: bytes a second of checkpoints, on average.
    """

    training: float
    search: float
    input: float
    exchange: float
    disk: float

    @property
    def longest(self) -> str:
        """The stage that takes the most time."""
        return "training" if self.training >= self.search else "search"


def plan(costs: Costs, devices: int) -> Plan:
    """The run of `costs` on `devices`; the exchange, the input and the disk cost no time in it."""
    used = max(n for n in range(1, devices + 1) if costs.batch % n == 0)
    step = costs.batch // used * costs.step
    generation = math.ceil(costs.population / devices) * costs.candidate
    ring = 2 * (used - 1) / used * costs.gradients  # what a device sends in a ring
    return Plan(
        training=costs.pictures / costs.batch * step,
        search=costs.generations * generation,
        input=costs.batch / step,
        exchange=ring / (SHARE * step),
        disk=costs.state / (costs.every * step),
    )


def rows(costs: Costs) -> Iterator[tuple[str, ...]]:
    """A row of the table for each number of devices."""
    for devices in DEVICES:
        found = plan(costs, devices)
        yield (
            str(devices),
            f"{found.training / 3600:,.1f} h",
            f"{found.search / 3600:,.1f} h",
            found.longest,
            f"{found.input:.3g}",
            f"{found.exchange / 1e6:,.3g} MB/s",
            f"{found.disk / 1e3:,.3g} kB/s",
        )


HEADERS = ("devices", "supernet", "search", "longest", "input, batches/s", "exchange", "disk")


def main(
    pictures: Annotated[int, whole(1, 10**12)] = Costs.pictures,
    batch: Annotated[int, whole(1, 65536)] = Costs.batch,
    step: Annotated[float, number(1e-9, 1e6)] = Costs.step,
    candidate: Annotated[float, number(1e-9, 1e6)] = Costs.candidate,
) -> None:
    """Prints what a run takes on 1, 8 and 64 devices.

    Args:
        pictures: that the supernet's training sees.
        batch: pictures of a step.
        step: seconds of a step with one picture, on one device.
        candidate: seconds to draw and score the search split with one candidate.
    """
    table = Table(*HEADERS)
    for row in rows(Costs(pictures=pictures, batch=batch, step=step, candidate=candidate)):
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    cli.run(main)
