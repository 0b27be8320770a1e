import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from ganc.tasks import dcgan
from ganc.types import Discriminator, Verdict


def mean_of(params, x, *, momentum=None):
    del momentum
    return Verdict(params["scale"] * jnp.mean(x, axis=(1, 2, 3), keepdims=True))


JUDGE = Discriminator(lambda key: {"scale": jnp.ones(())}, mean_of, None)


def test_terms_by_hand(toy, random_params):
    task, generator = dcgan.task(JUDGE, noise=5), toy(4)
    drawn = {}

    def apply(params, x, *, noise, momentum=None):
        drawn["noise"] = noise
        return generator.apply(params, x, momentum=momentum)

    given = dataclasses.replace(generator, apply=apply)
    batch = {d: np.full((2, 8, 8, 3), value, np.float32) for d, value in (("a", 0.1), ("b", 0.4))}
    players = {"ab": random_params(generator)}, {"b": {"scale": jnp.float32(2)}}
    game = task.play(given)
    terms, made = game.generator_terms(*players, batch, jax.random.key(0))
    fake = 2 * np.mean(made.fakes["b"], axis=(1, 2, 3))
    np.testing.assert_allclose(terms["adversarial"], np.mean(np.log1p(np.exp(-fake))), rtol=1e-5)
    terms, _ = game.discriminator_terms(players[1], batch, made.fakes)
    # Real pictures are 0.4 all over, which the judge doubles; the terms are added.
    expected = np.log1p(np.exp(-0.8)) + np.mean(np.log1p(np.exp(fake)))
    np.testing.assert_allclose(terms["discriminator"], expected, rtol=1e-5)
    assert drawn["noise"].shape == (2, 5)


def test_noise_is_a_function_of_the_key_and_scores_have_their_own():
    task = dcgan.task(JUDGE, noise=5)
    batch = {"a": np.zeros((64, 8, 8, 3), np.float32)}
    one, again, other = (task.inputs(batch, jax.random.key(k)).options["noise"] for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any() and abs(np.std(one) - 1) < 0.15
    np.testing.assert_array_equal(task.styled(3)["noise"], task.styled(7)["noise"][:3])
