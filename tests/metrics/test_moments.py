import functools
import operator

import numpy as np
import pytest

from ganc.metrics.moments import Moments, stream

ROWS = np.random.default_rng(0).normal(100, 1, (60, 5))  # far from 0, where sums of squares cancel


def assert_equal(one, other):
    assert one.n == other.n
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-13)
    np.testing.assert_allclose(one.scatter, other.scatter, rtol=1e-11, atol=1e-10)


def test_they_are_those_of_numpy():
    moments = Moments.from_rows(ROWS.astype(np.float32))
    np.testing.assert_allclose(moments.mean, ROWS.astype(np.float32).mean(0, np.float64))
    expected = np.cov(ROWS.astype(np.float32).astype(np.float64), rowvar=False)
    np.testing.assert_allclose(moments.covariance, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cuts", [(1,), (30,), (2, 3, 59), tuple(range(1, 60))])
def test_parts_merge_to_the_whole(cuts):
    parts = [Moments.from_rows(rows) for rows in np.split(ROWS, cuts)]
    assert_equal(functools.reduce(operator.add, parts), Moments.from_rows(ROWS))
    assert_equal(functools.reduce(operator.add, parts[::-1]), Moments.from_rows(ROWS))


@pytest.mark.parametrize("batch", [1, 700, 3000])
def test_a_stream_is_the_whole(batch):
    rows = np.random.default_rng(1).normal(5, 1, (2500, 3)).astype(np.float32)
    assert_equal(
        stream(rows[i : i + batch] for i in range(0, 2500, batch)), Moments.from_rows(rows)
    )


def test_a_stream_never_holds_the_rows():
    alive = 0

    class Part(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def parts():
        nonlocal alive
        for _ in range(50):
            alive += 1
            part = np.ones((256, 2)).view(Part)
            yield part
            del part
            assert alive <= 6

    assert stream(parts()).n == 50 * 256


def test_what_has_no_moments():
    for rows in (np.ones((0, 2)), np.ones(3)):
        with pytest.raises(ValueError, match="expected rows"):
            Moments.from_rows(rows)
    with pytest.raises(ValueError, match="not finite"):
        Moments.from_rows(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match="two rows"):
        _ = Moments.from_rows(np.ones((1, 2))).covariance
    with pytest.raises(ValueError, match="no rows"):
        stream([])
