import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganc.losses.adversarial import LEAST_SQUARES
from ganc.methods import adversarial
from ganc.methods.update import begin
from ganc.tasks import pix2pix
from ganc.types import Discriminator, Generator, Output, Verdict

# G(x) = w x; D(x, y) = v times the mean of the six channels: every term can be worked out by hand.
GENERATOR = Generator(
    init=lambda key: {"w": jnp.float32(0.5)},
    apply=lambda params, x, **_: Output(params["w"] * x, {}),
    axes={"w": ()},
    widths={},
    slots=(),
    taps={},
    divisor=1,
    minimum=1,
    spec=None,
)
JUDGE = Discriminator(
    init=lambda key: {"v": jnp.float32(2)},
    apply=lambda params, x, **_: Verdict(params["v"] * x.mean(axis=-1, keepdims=True)),
    spec=None,
    channels_in=6,
)
BATCH = {"a": jnp.full((1, 1, 1, 3), 0.4), "b": jnp.full((1, 1, 1, 3), -0.6)}


def step(task):
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(1.0))
    game = task.play(GENERATOR)
    params = {"generator": {"ab": {"w": jnp.float32(0.5)}}, "discriminator": {"b": {"v": 2.0}}}
    fresh = adversarial.init(game, jax.random.key(0), optimizers, (1, 1, 3))
    state = begin(jax.tree.map(jnp.asarray, params), optimizers, **fresh.extra)
    return adversarial.make_step(game, optimizers, jax.random.key(1))(state, BATCH, 0)


def test_terms_and_gradients_by_hand():
    # The fake is 0.2. Judged beside the source: 2 (0.4 + 0.2) / 2 = 0.6, the truth -0.2.
    new, terms = step(pix2pix.task(JUDGE))
    expected = {
        "adversarial": -0.6,
        "reconstruction": 100 * 0.8,
        "discriminator": ((1 + 0.2) + (1 + 0.6)) / 2,
    }
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(expected, rel=1e-5)
    # d/dw: -v x / 2 + 100 x
    moved = 0.5 - float(new.params["generator"]["ab"]["w"])
    assert moved == pytest.approx(-0.4 + 40, rel=1e-5)
    # d/dv of (relu(1 - v (-0.1)) + relu(1 + 0.3 v)) / 2
    assert 2 - float(new.params["discriminator"]["b"]["v"]) == pytest.approx(0.2, rel=1e-5)


def test_weights_and_adversarial_are_those_of_the_task():
    _, terms = step(pix2pix.task(JUDGE, adversarial=LEAST_SQUARES, reconstruction=10.0))
    assert terms["adversarial"] == pytest.approx((0.6 - 1) ** 2, rel=1e-5)
    assert terms["reconstruction"] == pytest.approx(8, rel=1e-5)
    assert terms["discriminator"] == pytest.approx(((-0.2 - 1) ** 2 + 0.6**2) / 2, rel=1e-5)


def test_a_student_matches_the_truth_whatever_its_teacher_draws():
    task = pix2pix.task(JUDGE)
    np.testing.assert_array_equal(task.target(BATCH, jnp.ones((1, 1, 1, 3))), BATCH["b"])
    np.testing.assert_array_equal(task.real(BATCH), BATCH["b"])
    assert task.paired


def test_past_fakes_are_not_shown_again():
    new, _ = step(pix2pix.task(JUDGE))
    assert new.extra["pools"]["b"].filled == -1  # a pool of nothing
