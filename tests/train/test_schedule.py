import jax
import numpy as np
import pytest

from ganc.train.schedule import halved, linear_decay


def test_the_factors_of_the_released_code():
    schedule = linear_decay(1.0, 5, 15)
    expected = [1.0] * 5 + [1 - i / 16 for i in range(1, 16)]
    np.testing.assert_allclose([schedule(step) for step in range(20)], expected, rtol=1e-6)
    assert expected[5:7] == [0.9375, 0.875] and expected[-2:] == [0.125, 0.0625]


def test_epochs_of_many_steps():
    schedule = jax.jit(linear_decay(2e-4, 1, 3, steps_per_epoch=10))
    rates = [float(schedule(step)) for step in range(40)]
    expected = np.repeat([2e-4, 1.5e-4, 1e-4, 0.5e-4], 10)
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_without_a_fall():
    assert linear_decay(0.5, 3, 0)(2) == 0.5


@pytest.mark.parametrize("arguments", [(-1, 5, 1), (5, -1, 1), (5, 5, 0)])
def test_what_cannot_be_is_refused(arguments):
    with pytest.raises(ValueError, match=", ".join(map(str, arguments))):
        linear_decay(1.0, *arguments)


def test_a_rate_is_halved_again_and_again():
    rate = halved(linear_decay(8.0, 10, 0), 2)
    assert [float(rate(step)) for step in range(6)] == [8, 8, 4, 4, 2, 2]
