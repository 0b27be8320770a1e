import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.metrics import kernel
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.kernel import (
    kernel_distance,
    kernel_interval,
    polynomial_mmd,
    subset_distances,
)


def by_double_loop(x, y):
    def kernel(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    def within(z):
        pairs = [kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]
        return sum(pairs) / len(pairs)

    across = [kernel(a, b) for a in x for b in y]
    return within(x) + within(y) - 2 * sum(across) / len(across)


def test_equals_a_double_loop():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 5)), rng.normal(size=(9, 5)) + 0.5
    assert kernel_distance(x, y) == pytest.approx(by_double_loop(x, y), rel=1e-12)


def test_unbiased_on_equal_distributions():
    rng = np.random.default_rng(1)
    draws = [kernel_distance(rng.normal(size=(6, 4)), rng.normal(size=(8, 4))) for _ in range(4000)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 3 * error
    assert np.min(draws) < 0 < np.max(draws)


def test_expectation_for_known_distributions():
    # One feature, x = 0 and y = +-1 evenly: 1 + (8 + 0) / 2 - 2.
    rng = np.random.default_rng(2)
    y = rng.choice([-1.0, 1.0], size=(2000, 1))
    assert kernel_distance(np.zeros((10, 1)), y) == pytest.approx(3, abs=0.2)


def test_grows_with_a_shift():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 16)), rng.normal(size=(40, 16))
    distances = [kernel_distance(x, y + shift) for shift in (0, 0.5, 1, 2)]
    assert distances == sorted(distances)


def test_the_same_definition_under_jit_and_grad():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(10, 6)), rng.normal(size=(12, 6)) + 1
    x32, y32 = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    found = jax.jit(polynomial_mmd)(x32, y32)
    assert float(found) == pytest.approx(kernel_distance(x, y), rel=1e-4)
    assert bool(jnp.isfinite(jax.grad(polynomial_mmd)(x32, y32)).all())


def test_refuses_shapes_that_do_not_fit():
    for x, y in [(np.ones((3, 2)), np.ones((3, 4))), (np.ones((1, 2)), np.ones((3, 2)))]:
        with pytest.raises(ValueError, match="expected shapes"):
            kernel_distance(x, y)
    for distance in (kernel_distance, lambda x, y: subset_distances(x, y, size=2)):
        with pytest.raises(ValueError, match="not finite"):
            distance(np.array([[0.0], [np.nan]]), np.array([[0.0], [1.0]]))


def test_a_subset_of_all_rows_is_the_whole():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 5))
    found = subset_distances(x, y, subsets=3, size=8)
    assert found == pytest.approx([kernel_distance(x, y)] * 3, rel=1e-12)


def test_subsets_average_to_the_whole():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(25, 4)) + 0.3
    found = subset_distances(x, y, subsets=3000, size=10)
    error = found.std() / np.sqrt(len(found))
    assert abs(found.mean() - kernel_distance(x, y)) < 3 * error
    assert len(set(found)) == 3000
    assert (subset_distances(x, y, subsets=3, size=10) == found[:3]).all()
    assert (subset_distances(x, y, subsets=3, size=10, seed=1) != found[:3]).all()
    with pytest.raises(ValueError, match="subsets of 26"):
        subset_distances(x, y, size=26)


def test_the_interval_is_as_wide_as_the_estimates_spread():
    rng = np.random.default_rng(7)

    def draw():
        return rng.normal(size=(60, 3)), rng.normal(size=(50, 3)) + 0.7

    estimates = [kernel_distance(*draw()) for _ in range(500)]
    intervals = [kernel_interval(*draw(), Bootstrap(resamples=200)) for _ in range(50)]
    width = np.mean([high - low for low, high in intervals])
    assert width == pytest.approx(np.subtract(*np.percentile(estimates, [97.5, 2.5])), rel=0.2)
    truth = np.mean(estimates)
    assert np.mean([low < truth < high for low, high in intervals]) > 0.85


def test_a_row_drawn_twice_is_not_its_own_neighbour():
    # With the diagonal, every resampled estimate of equal distributions would lie above 0.
    rng = np.random.default_rng(8)
    low, high = kernel_interval(rng.normal(size=(20, 200)), rng.normal(size=(20, 200)), Bootstrap())
    assert low < 0 < high


def test_a_large_set_is_thinned(monkeypatch):
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(31, 3)), rng.normal(size=(10, 3))
    monkeypatch.setattr(kernel, "ROWS", 16)
    assert kernel_interval(x, y, Bootstrap(20)) == kernel_interval(x[::2], y, Bootstrap(20))
