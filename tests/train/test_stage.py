import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganc.train.stage import Training, adam, optimizers


def moved(optimizer, gradient=1.0, weight=2.0):
    params = {"w": jnp.float32(weight)}
    updates, _ = optimizer.update({"w": jnp.float32(gradient)}, optimizer.init(params), params)
    return float(updates["w"])


def test_players_have_learning_rates_of_their_own():
    both = optimizers(Training(learning_rate=0.1, discriminator_learning_rate=0.4))
    assert moved(both["generator"]) == pytest.approx(-0.1, rel=1e-4)
    assert moved(both["discriminator"]) == pytest.approx(-0.4, rel=1e-4)
    same = optimizers(Training(learning_rate=0.1))
    assert moved(same["discriminator"]) == pytest.approx(-0.1, rel=1e-4)


def test_the_decay_of_weights_is_part_of_the_gradient():
    decaying = adam(Training(learning_rate=0.1, weight_decay=0.5))
    assert moved(decaying, gradient=-1.0) == pytest.approx(0, abs=1e-6)  # -1 + 0.5 * 2
    assert moved(adam(Training(learning_rate=0.1)), gradient=-1.0) == pytest.approx(0.1, rel=1e-4)


def test_moments_are_those_of_the_settings():
    ours = adam(Training(learning_rate=0.1, beta1=0.0, beta2=0.9))
    theirs = optax.adam(0.1, b1=0.0, b2=0.9)
    states, params = [ours.init({"w": 1.0}), theirs.init({"w": 1.0})], {"w": jnp.float32(1)}
    for gradient in (1.0, -0.3, 0.1):
        found = []
        for i, optimizer in enumerate((ours, theirs)):
            updates, states[i] = optimizer.update({"w": jnp.float32(gradient)}, states[i], params)
            found.append(updates["w"])
        np.testing.assert_allclose(*found, rtol=1e-6)
