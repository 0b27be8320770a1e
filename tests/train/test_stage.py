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


def test_accumulated_steps_are_one_step_of_all_their_pictures():
    one = adam(Training(batch=4, constant_steps=3, decay_steps=0, learning_rate=0.1))
    many = adam(Training(1, 12, 0, learning_rate=0.1, accumulate=4))
    rng, w, v = np.random.default_rng(0), jnp.float32(2.0), jnp.float32(2.0)
    states = [one.init(w), many.init(v)]
    for _ in range(3):
        gradients = rng.normal(size=4).astype(np.float32)
        update, states[0] = one.update(gradients.mean(), states[0], w)
        w, before = w + update, v
        for place, gradient in enumerate(gradients):
            assert v == before, place
            update, states[1] = many.update(jnp.float32(gradient), states[1], v)
            v += update
        np.testing.assert_allclose(v, w, rtol=1e-6)


def test_the_rate_of_an_accumulated_move_is_that_of_its_last_step():
    training = Training(1, 2, 4, learning_rate=0.1, accumulate=2)
    many, v, rates = adam(training), jnp.float32(0.0), []
    state = many.init(v)
    for _ in range(3):
        for _ in range(2):
            update, state = many.update(jnp.float32(1.0), state, v)
        rates.append(-float(update))  # Adam moves by its rate where gradients stay the same
    np.testing.assert_allclose(rates, [0.1, 0.1 * (1 - 2 / 5), 0.1 * (1 - 4 / 5)], rtol=1e-4)


def test_rates_grow_with_the_pictures_of_a_move():
    base = {"learning_rate": 0.1, "rate_batch": 2}
    for batch, accumulate, rule, expected in (
        (2, 1, "root", 0.1),
        (8, 1, "root", 0.2),
        (8, 1, "linear", 0.4),
        (4, 2, "linear", 0.4),
    ):
        training = Training(batch=batch, accumulate=accumulate, rate_rule=rule, **base)
        assert training.rate_factor * 0.1 == pytest.approx(expected)
    assert moved(adam(Training(batch=8, **base))) == pytest.approx(-0.2, rel=1e-4)
