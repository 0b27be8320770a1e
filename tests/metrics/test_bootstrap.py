import numpy as np
import pytest

from ganc.metrics.bootstrap import Bootstrap


def test_the_interval_of_a_mean_is_that_of_the_normal_theory():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = Bootstrap(resamples=4000).mean_interval(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_it_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    bootstrap = Bootstrap(resamples=200, level=0.8)
    hits = [
        low < 0 < high
        for low, high in (bootstrap.mean_interval(rng.normal(size=40)) for _ in range(300))
    ]
    assert 0.7 < np.mean(hits) < 0.87


def test_the_seed_decides():
    values = np.arange(20.0)
    assert Bootstrap(50).mean_interval(values) == Bootstrap(50).mean_interval(values)
    assert Bootstrap(50).mean_interval(values) != Bootstrap(50, seed=1).mean_interval(values)
    assert str(Bootstrap(50, seed=1)) == "bootstrap95x50,seed1"


def test_no_interval_where_there_is_none():
    assert Bootstrap().mean_interval([1.0]) is None
    assert Bootstrap().mean_interval([1.0, np.inf]) is None
