"""Another student out of a finished run: `python -m ganc.pick RUN "macs<=3e7" OUT`.

A once-for-all run keeps its supernet and every architecture that its search scored. Any of them can
be cut out in seconds, without training, with running statistics measured anew where a network has
any; a student that the run fine-tuned is better than the same
architecture cut out anew.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Annotated

import jax.numpy as jnp
import tyro

from ganc import channels, cli
from ganc.discovery.imported import Network, imported
from ganc.errors import UserError
from ganc.metrics import cost
from ganc.metrics.latency import latency
from ganc.models import store
from ganc.models.render import compiled
from ganc.models.statistics import read_calibration, recalibrate
from ganc.runs.console import console
from ganc.search.evolution import Candidate
from ganc.search.pareto import front
from ganc.search.search import SEARCH, read_search
from ganc.search.space import encode, parse_space
from ganc.search.supernet import Supernet
from ganc.types import Generator, Model

SUPERNET = "supernet"
REPEATS = 30
"""Rounds of a latency; the models whose latencies are compared take turns."""

_LIMIT = re.compile(r"\s*(macs|params|latency_ms)\s*<=\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*", re.I)

Cut = Callable[[Candidate], Model]


def parse_limits(text: str) -> dict[str, float]:
    """Quantity -> the most that it may be, of a text such as `macs<=3e7, latency_ms<=8`.

    `macs` are multiply-adds of one picture at the size of the run, published convention; `params`
    parameters; `latency_ms` the median time of one picture on this machine.

    Raises:
        UserError: it is no such text.
    """
    limits = {}
    for part in text.split(","):
        found = _LIMIT.fullmatch(part)
        try:
            limits[found[1].lower()] = float(found[2])  # type: ignore[index]
        except (TypeError, ValueError):
            raise UserError(
                f"{part.strip()!r} is no limit; valid are macs<=N, params<=N and latency_ms<=N, "
                "several of them with commas between"
            ) from None
    return limits


def pick(
    candidates: Sequence[Candidate],
    limits: Mapping[str, float],
    measures: Mapping[str, Callable[[Sequence[Candidate]], Sequence[float]]],
) -> tuple[Candidate, dict[str, float]]:
    """The best-scored candidate that keeps every limit, with what it measures.

    Args:
        candidates: of a search; those of its Pareto front are looked at.
        limits: see `parse_limits`.
        measures: quantity -> `measure(candidates) -> values`, for every limited quantity.

    Raises:
        UserError: none keeps them; it says what the front offers.
    """
    best = front(candidates)
    values = {name: list(measures[name](best)) for name in limits}
    fit = [
        (candidate, {name: values[name][i] for name in limits})
        for i, candidate in enumerate(best)
        if all(values[name][i] <= limits[name] for name in limits)
    ]
    if not fit:
        offers = ", ".join(
            f"{name} from {min(found):,.4g} to {max(found):,.4g}" for name, found in values.items()
        )
        raise UserError(
            f"no architecture of the front keeps {_say(limits)}; it has {len(best)}, with {offers}"
        )
    return min(fit, key=lambda pair: pair[0].score)


def pick_from_run(
    run: str | PathLike[str],
    limits: Mapping[str, float],
    out: str | PathLike[str],
    own: Generator | None = None,
) -> str:
    """Cuts the student within `limits` out of the supernet of `run` and stores it as `out`.

    `own` is the generator of the supernet, where it is of a network of one's own.

    Returns: what was picked, in one line.

    Raises:
        UserError: `run` is no finished once-for-all run, or nothing keeps the limits.
    """
    run, out = Path(run), Path(out)
    candidates = read_search(run)
    if not candidates or not (run / SUPERNET / "model.json").exists():
        raise UserError(
            f"{run} holds no finished search: a once-for-all run leaves {SEARCH} and {SUPERNET}"
        )
    whole, about = store.load(run / SUPERNET, own), store.read_about(run / SUPERNET)
    generator, (height, width) = whole.generator, about["shape"][:2]
    calibration = [read_calibration(run)] if generator.statistics else []

    def cut(candidate: Candidate) -> Model:
        space = parse_space(encode(candidate.arch), generator)
        return Supernet(generator, space, about["shape"]).cut(whole.params, candidate.arch)

    found, values = pick(
        candidates,
        limits,
        {
            "macs": lambda some: [candidate.cost for candidate in some],
            "params": lambda some: [_params(cut(candidate)) for candidate in some],
            "latency_ms": partial(_latencies, cut, (height, width)),
        },
    )
    origin = {"data": about["data"], "run": run.name, "score": found.score}
    model = cut(found)
    params = recalibrate(generator, model.params, map(jnp.asarray, calibration))
    store.save(out, model._replace(params=params), origin)
    name = encode(found.arch)
    return f"{name} with {_say(values, '=')}, score {found.score:.4g} in the supernet: {out}"


def _params(model: Model) -> int:
    widths = channels.read_widths(model.params, model.generator.axes)
    return int(cost.params(model.generator)(widths))


def _latencies(cut: Cut, size: tuple[int, int], some: Sequence[Candidate]) -> list[float]:
    calls = {}
    for candidate in some:
        model = cut(candidate)
        x = jnp.zeros((1, *size, model.generator.channels_in))
        calls[str(candidate.arch)] = partial(compiled(model.generator), model.params, x)
    found = latency(calls, warmup=3, repeats=REPEATS)
    return [found[str(candidate.arch)]["p50"] for candidate in some]


def _say(values: Mapping[str, float], sign: str = "<=") -> str:
    return ", ".join(f"{name}{sign}{value:,.4g}" for name, value in values.items())


def main(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")],
    limits: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="LIMITS")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    network: Network = "",
) -> None:
    """Cuts another student out of a finished once-for-all run, without training.

    Args:
        run: the workdir of the run.
        limits: such as "macs<=3e7", "params<=5e4" or "latency_ms<=8", with commas between.
        out: where to store the student.
        network: what defines the supernet, where it is of a network of one's own.
    """
    line = pick_from_run(run, parse_limits(limits), out, imported(network))
    console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main)
