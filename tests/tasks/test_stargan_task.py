import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.methods import adversarial
from ganc.models import stargan as networks
from ganc.tasks import stargan
from ganc.types import Discriminator, Output, Verdict


def judged(params, x, *, momentum=None):
    """Realness: half the sum of a picture; attributes: its mean and minus its mean."""
    del momentum
    mean = jnp.mean(x, axis=(1, 2, 3))
    logits = params["scale"] * 0.5 * jnp.sum(x, axis=(1, 2, 3), keepdims=True)
    return Verdict(logits, ((jnp.stack([mean, -mean], axis=1),),))


JUDGE = Discriminator(lambda key: {"scale": jnp.ones(())}, judged, None)
BATCH = {
    "a": np.full((1, 2, 2, 3), 0.2, np.float32),
    "b": np.full((1, 2, 2, 3), -0.4, np.float32),
    "mix": np.float32([[0.25, 0.75]]),
}


@pytest.fixture
def game(toy):
    """A game whose generator adds 0.1 for domain a and takes 0.3 off for domain b."""

    def apply(params, x, *, attributes, momentum=None):
        del params, momentum
        shift = attributes @ jnp.array([0.1, -0.3])
        return Output(x + shift[:, None, None, None], {})

    generator = dataclasses.replace(toy(2), apply=apply)
    return stargan.task(JUDGE).play(generator)


def cross_entropy(logit, truth):
    return np.log1p(np.exp(-logit if truth else logit))


def test_terms_by_hand(game):
    judges = {"b": {"scale": jnp.float32(1)}}
    terms, made = game.generator_terms({"ab": {}}, judges, BATCH, None)
    # The a of 0.2 becomes a b of -0.1; the b of -0.4 an a of -0.3. Then back: 0.0 and -0.6.
    np.testing.assert_allclose(made.fakes["b"], -0.1, rtol=1e-5)
    np.testing.assert_allclose(made.fakes["a"], -0.3, rtol=1e-5)
    np.testing.assert_allclose(terms["adversarial"], 0.5 * 12 * 0.2, rtol=1e-5)
    np.testing.assert_allclose(terms["reconstruction"], 10 * 0.2, rtol=1e-5)
    to_b = cross_entropy(-0.1, False) + cross_entropy(0.1, True)
    to_a = cross_entropy(-0.3, True) + cross_entropy(0.3, False)
    np.testing.assert_allclose(terms["classes"], (to_b + to_a) / 2, rtol=1e-5)

    terms, _ = game.discriminator_terms(judges, BATCH, made.fakes)
    # Real pictures have a mean of -0.1, fakes of -0.2.
    np.testing.assert_allclose(terms["discriminator"], 6 * -0.2 - 6 * -0.1, rtol=1e-5)
    is_a = cross_entropy(0.2, True) + cross_entropy(-0.2, False)
    is_b = cross_entropy(-0.4, False) + cross_entropy(0.4, True)
    np.testing.assert_allclose(terms["classes_real"], (is_a + is_b) / 2, rtol=1e-5)
    # Twelve numbers, a slope of one half each.
    np.testing.assert_allclose(terms["penalty"], 10 * (np.sqrt(12 * 0.25) - 1) ** 2, rtol=1e-5)
    assert set(game.weights) <= {"classes", "classes_real", "reconstruction", "penalty"}


def test_the_penalty_reaches_the_generator_between_real_and_fake(game):
    def squared(params, x, *, momentum=None):
        del params, momentum
        return Verdict(jnp.sum(x**2, axis=(1, 2, 3), keepdims=True), ((x[:, 0, 0, :2],),))

    curved = dataclasses.replace(JUDGE, apply=squared)
    game = stargan.task(curved).play(dataclasses.replace(game_generator(), apply=None))
    fakes = {"b": jnp.full((1, 2, 2, 3), -0.1), "a": jnp.full((1, 2, 2, 3), -0.3)}
    terms, _ = game.discriminator_terms({"b": {}}, BATCH, fakes)
    # Between 0.2 and -0.1 with a share of 0.25: -0.025; between -0.4 and -0.3 with 0.75: -0.375.
    norms = [2 * np.sqrt(12) * 0.025, 2 * np.sqrt(12) * 0.375]
    expected = 10 * np.mean([(norm - 1) ** 2 for norm in norms])
    np.testing.assert_allclose(terms["penalty"], expected, rtol=1e-4)


def game_generator():
    return networks.generator(networks.Spec(1, 3, 2))


def test_batches_mix_by_seed_and_step(monkeypatch):
    class Pictures:
        size = 3

        def __init__(self, *arguments):
            pass

        def __call__(self, step, rows=None):
            return {}

    monkeypatch.setattr(stargan, "Unpaired", Pictures)
    from types import SimpleNamespace

    data = SimpleNamespace(train_a=None, train_b=None, augmentation=None)
    one, other = stargan.Mixing(data, 3, 0), stargan.Mixing(data, 3, 1)
    np.testing.assert_array_equal(one(4)["mix"], one(4)["mix"])
    assert one(4)["mix"].shape == (3, 2)
    np.testing.assert_array_equal(one(4, rows=[1, 2])["mix"], one(4)["mix"][1:])
    assert (one(4)["mix"] != one(5)["mix"]).any() and (one(4)["mix"] != other(4)["mix"]).any()


def test_a_step_trains_both_through_the_penalty():
    """The gradient of a gradient goes through the discriminator's own convolutions."""
    import optax

    judge = networks.discriminator(networks.DiscriminatorSpec(2, 8, 1, 2))
    game = stargan.task(judge).play(game_generator())
    both = dict.fromkeys(("generator", "discriminator"), optax.sgd(1e-2))
    state = adversarial.init(game, jax.random.key(0), both, (8, 8, 3))
    rng = np.random.default_rng(0)
    batch = {d: rng.uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32) for d in "ab"}
    step = jax.jit(adversarial.make_step(game, both, jax.random.key(1)))
    after, terms = step(state, batch | {"mix": np.float32([[0.5, 0.5]])}, 0)
    assert all(np.isfinite(value) for value in terms.values()) and terms["penalty"] > 0
    for role in both:
        pairs = zip(*(jax.tree.leaves(s.params[role]) for s in (state, after)), strict=True)
        assert any((old != new).any() for old, new in pairs)
