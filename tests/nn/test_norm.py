import jax
import jax.numpy as jnp
import numpy as np

from ganc.nn.norm import instance_norm


def test_by_hand():
    x = jnp.float32([1, 2, 3, 6]).reshape(1, 2, 2, 1)  # mean 3, biased variance 3.5
    expected = np.float32([-2, -1, 0, 3]) / np.sqrt(3.5 + 1e-5)
    np.testing.assert_allclose(instance_norm(x).ravel(), expected, rtol=1e-6)


def test_pictures_and_channels_stay_apart(key):
    x = jax.random.normal(key, (3, 4, 5, 2)) * jnp.float32([1, 7]) + jnp.float32([0, -3])
    y = instance_norm(x)
    np.testing.assert_allclose(y.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=(1, 2)), 1, atol=1e-3)
    alone = instance_norm(x[1:2, :, :, 1:])
    np.testing.assert_allclose(y[1:2, :, :, 1:], alone, atol=1e-6)


def test_a_large_mean_costs_no_precision(key):
    x = jax.random.normal(key, (1, 16, 16, 1))
    np.testing.assert_allclose(instance_norm(x + 100), instance_norm(x), atol=1e-4)


def test_a_constant_channel_becomes_zero_and_its_gradient_is_finite():
    x = jnp.full((1, 4, 4, 1), 3.0)
    np.testing.assert_array_equal(instance_norm(x), 0)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(jnp.sin(instance_norm(x))))(x)).all()
