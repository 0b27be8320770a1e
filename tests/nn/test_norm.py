import jax
import jax.numpy as jnp
import numpy as np
from flax.core import meta

from ganc.nn.call import bind
from ganc.nn.norm import STATISTICS, BatchNorm, InstanceNorm, instance_norm


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


def test_the_affine_norm_scales_and_shifts(key):
    x = jax.random.normal(key, (2, 4, 4, 3))
    params = {"scale": jnp.float32([1, 2, 0]), "bias": jnp.float32([0, -1, 5])}
    y = InstanceNorm("g", affine=True).apply({"params": params}, x)
    np.testing.assert_allclose(y, instance_norm(x) * params["scale"] + params["bias"], atol=1e-6)


STATE = {"mean": np.float32([1, -2]), "var": np.float32([4, 0.25])}
PARAMS = {"scale": np.float32([2, 1]), "bias": np.float32([0, 3])}
X = np.random.default_rng(0).normal(3, 2, (4, 5, 3, 2)).astype(np.float32)


def batch_norm(x, state=STATE, masks=None, momentum=None):
    norm = BatchNorm("g", affine=True)
    variables = {"params": PARAMS, STATISTICS: state, **bind(masks, momentum)}
    return norm.apply(variables, x, mutable=[STATISTICS])


def test_batch_norm_evaluates_by_its_statistics():
    y, state = batch_norm(X)
    expected = (X - STATE["mean"]) / np.sqrt(STATE["var"] + 1e-5) * PARAMS["scale"]
    np.testing.assert_allclose(y, expected + PARAMS["bias"], atol=1e-5)
    assert not state[STATISTICS] or all((state[STATISTICS][k] == STATE[k]).all() for k in STATE)


def test_batch_norm_trains_by_the_batch_and_moves_its_statistics():
    # As PyTorch: the biased variance normalises, the unbiased one is remembered.
    y, state = batch_norm(X, momentum=0.1)
    mean, variance = X.mean(axis=(0, 1, 2)), X.var(axis=(0, 1, 2))
    expected = (X - mean) / np.sqrt(variance + 1e-5) * PARAMS["scale"] + PARAMS["bias"]
    np.testing.assert_allclose(y, expected, atol=1e-5)
    moved = {
        "mean": 0.9 * STATE["mean"] + 0.1 * mean,
        "var": 0.9 * STATE["var"] + 0.1 * X.var(axis=(0, 1, 2), ddof=1),
    }
    for name, value in moved.items():
        np.testing.assert_allclose(state[STATISTICS][name], value, rtol=1e-5)


def test_statistics_of_channels_that_are_left_out_stay():
    _, state = batch_norm(X, masks={"g": jnp.float32([0, 1])}, momentum=1.0)
    found = state[STATISTICS]
    assert (found["mean"][0], found["var"][0]) == (STATE["mean"][0], STATE["var"][0])
    np.testing.assert_allclose(found["mean"][1], X[..., 1].mean(), rtol=1e-5)


def test_no_gradient_flows_into_or_through_the_statistics():
    def loss(state, x):
        y, new = batch_norm(x, state, momentum=0.5)
        return jnp.sum(jnp.sin(y)) + sum(jnp.sum(leaf) for leaf in jax.tree.leaves(new))

    def alone(x):
        return jnp.sum(jnp.sin(batch_norm(x, momentum=0.5)[0]))

    into, through = jax.grad(loss, (0, 1))(STATE, X)
    np.testing.assert_allclose(into["mean"], 0.5)  # the statistics' own decay and nothing else
    np.testing.assert_allclose(through, jax.grad(alone)(X), atol=1e-6)


def test_axes_may_concatenate_groups():
    variables = jax.eval_shape(BatchNorm(("a", "b"), affine=True).init, jax.random.key(0), X)
    names = {
        leaf.names
        for leaf in jax.tree.leaves(
            variables, is_leaf=lambda leaf: isinstance(leaf, meta.AxisMetadata)
        )
    }
    assert names == {(("a", "b"),)}
    masks = {"a": jnp.float32([1]), "b": jnp.float32([0])}
    variables = {STATISTICS: STATE, **bind(masks, 1.0)}
    _, state = BatchNorm(("a", "b")).apply(variables, X, mutable=[STATISTICS])
    assert state[STATISTICS]["mean"][1] == STATE["mean"][1]
    assert state[STATISTICS]["mean"][0] != STATE["mean"][0]
