import jax.numpy as jnp
import pytest

from ganc.losses.reconstruction import l1_loss, l2_loss


def test_means_over_everything():
    x, y = jnp.float32([[1, -2], [0, 5]]), jnp.float32([[1, 1], [-1, 3]])
    assert l1_loss(x, y) == pytest.approx((0 + 3 + 1 + 2) / 4)
    assert l2_loss(x, y) == pytest.approx((0 + 9 + 1 + 4) / 4)
    assert l1_loss(y, x) == l1_loss(x, y) and l2_loss(y, x) == l2_loss(x, y)
    assert l1_loss(x, x) == l2_loss(x, x) == 0
