"""Points of the Pareto front, cut out of the supernet without retraining, for the report."""

from collections.abc import Sequence

import numpy as np

from ganc.batching import evenly_spread
from ganc.compress.run import Run
from ganc.data.pictures import to_uint8
from ganc.models.render import render
from ganc.report.gallery import SAMPLES
from ganc.report.glance import FrontPoint
from ganc.scores.judge import Judge
from ganc.scores.row import latencies
from ganc.search.evolution import Candidate
from ganc.search.pareto import front
from ganc.search.space import encode
from ganc.search.supernet import Supernet
from ganc.types import Model, Params

PICTURES = 4
"""Pictures of each: the first of the samples, by which teacher and student are compared too."""


def cut_front(
    run: Run, supernet: Supernet, params: Params, candidates: Sequence[Candidate], count: int
) -> list[Model]:
    """At most `count` evenly spread models of the front, by rising cost."""
    best = front(candidates)
    places = evenly_spread(min(count, len(best)), len(best))
    return [run.recalibrated(supernet.cut(params, best[int(i)].arch)) for i in places]


def front_points(run: Run, models: Sequence[Model], macs, judge: Judge) -> list[FrontPoint]:
    """The models scored on the report split, with their pictures.

    Args:
        run: the run.
        models: of `cut_front`.
        macs: architecture -> multiply-adds, published convention.
        judge: of the report split.
    """
    named = {encode(model.arch or ()): model for model in models}
    times = latencies(named, run.shape, repeats=20)
    total = len(judge.source)
    shown = evenly_spread(min(SAMPLES, total), total)[:PICTURES]
    points = []
    for number, (name, model) in enumerate(named.items(), 1):
        pictures = render(model, judge.source)
        scores = {protocol: value.value for protocol, value in judge.values(pictures).items()}
        points.append(
            FrontPoint(
                name=f"{number} of {len(named)}",
                arch=name,
                macs=macs(model.arch),
                latency_ms=times[name]["p50"],
                scores=_few(scores),
                pictures=[to_uint8(np.asarray(pictures[int(i)])) for i in shown],
            )
        )
    return points


def _few(scores: dict[str, float]) -> dict[str, float]:
    """The kernel distance, and L1 to the truth where it is known: what the verdict is about."""
    return {key: value for key, value in scores.items() if key.startswith(("kid[", "l1["))}
