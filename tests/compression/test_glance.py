from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ganc.compression.glance import cut_front, front_points
from ganc.metrics.protocol import Value
from ganc.models.render import render
from ganc.search.evolution import Candidate
from ganc.search.space import Space
from ganc.search.supernet import Supernet


@pytest.fixture
def supernet(toy):
    generator = toy(4)
    return Supernet(generator, Space(generator.slots, ((4, 3, 2, 1), (4, 3, 2, 1))), (8, 8, 3))


def candidates(supernet):
    """All architectures; the front are those of equal entries, and (1, 2)."""
    order = [(1, 1), (1, 2), (2, 2), (3, 3), (4, 4)]
    return [
        Candidate(arch, supernet.macs(arch), 9.0 - order.index(arch) if arch in order else 99.0, 0)
        for arch in supernet.space
    ]


def test_the_front_is_cut_from_the_cheapest_to_the_best(supernet, random_params):
    params = random_params(supernet.generator)
    run: Any = SimpleNamespace(recalibrated=lambda model: model, shape=(8, 8, 3), render=render)
    models = cut_front(run, supernet, params, candidates(supernet), 5)
    assert [model.arch for model in models] == [(1, 1), (1, 2), (2, 2), (3, 3), (4, 4)]
    assert models[2].params["body"]["kernel"].shape == (3, 3, 2, 4)

    source = np.random.default_rng(0).uniform(-1, 1, (20, 8, 8, 3)).astype(np.float32)
    values = {"kid[a-vs-b]": Value(0.5), "l1[a-vs-truth]": Value(0.1), "fd[a-vs-b]": Value(3.0)}

    def judged(pictures, metrics):
        assert len(pictures) == len(source)
        return {key: value for key, value in values.items() if key.partition("[")[0] in metrics}

    judge = SimpleNamespace(source=source, values=judged)
    points = front_points(models, run, judge)
    assert [point.arch for point in points] == ["1_1", "1_2", "2_2", "3_3", "4_4"]
    for point, model in zip(points, models, strict=True):
        assert point.macs == supernet.macs(model.arch) and point.latency_ms > 0
        assert set(point.scores) == {"kid[a-vs-b]", "l1[a-vs-truth]"}
        assert len(point.pictures) == 4 and point.pictures[0].dtype == np.uint8
    drawn = supernet.generator.apply(models[-1].params, source[:1]).image[0]
    expected = np.clip(np.rint((np.asarray(drawn) + 1) * 127.5), 0, 255)
    assert np.abs(points[-1].pictures[0] - expected).max() <= 1
