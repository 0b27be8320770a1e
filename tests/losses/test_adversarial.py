import jax
import jax.numpy as jnp
import pytest

from ganc.losses.adversarial import HINGE, LEAST_SQUARES

REAL = jnp.float32([[2.0, 0.5], [-1.0, 1.0]])
FAKE = jnp.float32([[-2.0, 0.5], [0.0, 3.0]])


def test_least_squares():
    # real: 1, 0.25, 4, 0; fake: 4, 0.25, 0, 9
    assert LEAST_SQUARES.discriminator(REAL, FAKE) == pytest.approx((5.25 + 13.25) / 4 / 2)
    assert LEAST_SQUARES.generator(FAKE) == pytest.approx((9 + 0.25 + 1 + 4) / 4)


def test_hinge():
    # real: 0, 0.5, 2, 0; fake: 0, 1.5, 1, 4
    assert HINGE.discriminator(REAL, FAKE) == pytest.approx((2.5 + 6.5) / 4 / 2)
    assert HINGE.generator(FAKE) == pytest.approx(-1.5 / 4)


@pytest.mark.parametrize("pair", [LEAST_SQUARES, HINGE], ids=["least squares", "hinge"])
def test_the_players_pull_in_opposite_directions(pair):
    logits = jnp.float32([0.2, -0.3])
    up = jax.grad(pair.generator)(logits)
    real, fake = jax.grad(pair.discriminator, (0, 1))(logits, logits)
    assert (up < 0).all() and (real < 0).all()  # both would raise these logits
    assert pair is not HINGE or (fake > 0).all()
    assert jax.grad(pair.discriminator, 1)(logits, jnp.float32([0.5, 0.1])).min() > 0
