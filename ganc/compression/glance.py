"""Points of the Pareto front, cut out of the supernet without retraining, for the report."""

from collections.abc import Sequence

from ganc.batching import evenly_spread
from ganc.compression.run import Run
from ganc.data.pictures import to_uint8
from ganc.report.gallery import SAMPLES
from ganc.report.glance import FrontPoint
from ganc.scores.judge import Judge
from ganc.scores.row import latencies, measure
from ganc.scores.verdict import METRICS
from ganc.search.evolution import Candidate
from ganc.search.pareto import front
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


def front_points(models: Sequence[Model], run: Run, judge: Judge) -> list[FrontPoint]:
    """The models scored on the report split, with their pictures.

    Args:
        models: of `cut_front`.
        run: the run.
        judge: of the report split.
    """
    names = [f"{number} of {len(models)}" for number in range(1, len(models) + 1)]
    named = dict(zip(names, models, strict=True))
    times = latencies(named, run.shape, repeats=20)
    total = len(judge.source)
    shown = evenly_spread(min(SAMPLES, total), total)[:PICTURES]
    points = []
    for name, model in named.items():
        pictures = run.render(model, judge.source)
        row = measure(name, model, run.shape, judge.values(pictures, metrics=METRICS), times[name])
        points.append(
            FrontPoint(
                name=name,
                arch=row.arch or "",
                macs=row.macs["published"],
                latency_ms=row.latency_ms["p50"],
                scores=row.metrics,
                pictures=[to_uint8(pictures[int(i)]) for i in shown],
            )
        )
    return points
