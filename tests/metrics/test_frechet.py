import numpy as np
import pytest
import scipy.linalg

from ganc.metrics.frechet import frechet_distance, gaussian_distance


def by_square_root(x, y):
    covariance_x, covariance_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(covariance_x @ covariance_y).real
    difference = x.mean(axis=0) - y.mean(axis=0)
    return difference @ difference + np.trace(covariance_x + covariance_y - 2 * root)


def by_eigenvalues(x, y):
    # tr (Sx Sy)^(1/2) = tr (Sx^(1/2) Sy Sx^(1/2))^(1/2): stays accurate for singular covariances.
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    half = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    inner = np.linalg.eigvalsh(half @ np.cov(y, rowvar=False) @ half)
    spread = np.cov(x, rowvar=False).trace() + np.cov(y, rowvar=False).trace()
    difference = x.mean(axis=0) - y.mean(axis=0)
    return difference @ difference + spread - 2 * np.sqrt(np.maximum(inner, 0)).sum()


def draw(n, d, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def test_equals_the_matrix_square_root():
    x, y = draw(200, 20, seed=0), draw(150, 20, seed=1)
    assert frechet_distance(x, y) == pytest.approx(by_square_root(x, y), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(12, 9), (12, 100), (100, 12), (20, 21)])
def test_fewer_rows_than_features(n, m):
    x, y = draw(n, 20, seed=2), draw(m, 20, seed=3)
    assert frechet_distance(x, y) == pytest.approx(by_eigenvalues(x, y), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(200, 150), (12, 150), (150, 12), (9, 12)])
def test_statistics_give_what_features_give(n, m):
    x, y = draw(n, 20, seed=8), draw(m, 20, seed=9)
    moments = [(z.mean(axis=0), np.cov(z, rowvar=False)) for z in (x, y)]
    expected = frechet_distance(x, y)
    assert gaussian_distance(*moments[0], *moments[1]) == pytest.approx(expected, rel=1e-6)
    if min(n, m) > 20:
        assert expected == pytest.approx(by_square_root(x, y), rel=1e-6)


def test_many_features_fewer_rows_and_both_ways_agree():
    rng = np.random.default_rng(10)
    decay = np.geomspace(1, 1e-4, 200)  # as real features: a few directions hold the variance
    x, y = rng.normal(size=(120, 200)) * decay, (rng.normal(size=(150, 200)) + 0.1) * decay
    moments = [(z.mean(axis=0), np.cov(z, rowvar=False)) for z in (x, y)]
    expected = frechet_distance(x, y)
    assert gaussian_distance(*moments[0], *moments[1]) == pytest.approx(expected, rel=1e-6)


def test_one_feature_is_the_difference_of_means_and_deviations():
    x, y = np.array([[0.0], [2.0]]), np.array([[5.0], [6.0], [7.0]])
    expected = 25 + (np.sqrt(2) - 1) ** 2
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [30, 8])
def test_zero_for_the_same_set_symmetric_and_a_shift_adds_its_square(n):
    x = draw(n, 16, seed=4)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x[::-1] + 3) == pytest.approx(16 * 9, rel=1e-9)
    y = draw(25, 16, seed=5)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-9)


def test_float32_features_are_computed_in_float64():
    x = draw(50, 8, seed=6).astype(np.float32)
    y = draw(50, 8, seed=7).astype(np.float32)
    exact = frechet_distance(x.astype(np.float64), y.astype(np.float64))
    assert frechet_distance(x, y) == exact


def test_refuses_what_has_no_distance():
    for x, y in [(np.ones((3, 2)), np.ones((3, 4))), (np.ones((1, 2)), np.ones((3, 2)))]:
        with pytest.raises(ValueError, match="expected shapes"):
            frechet_distance(x, y)
    with pytest.raises(ValueError, match="not finite"):
        frechet_distance(np.array([[0.0], [np.nan]]), np.array([[0.0], [1.0]]))
    with pytest.raises(ValueError, match="of one d"):
        gaussian_distance(np.ones(2), np.eye(2), np.ones(3), np.eye(3))
    with pytest.raises(ValueError, match="not finite"):
        gaussian_distance(np.ones(2), np.eye(2), np.ones(2), np.eye(2) * np.nan)
