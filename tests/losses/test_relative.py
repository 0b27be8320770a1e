import jax
import jax.numpy as jnp
import pytest

from ganc.losses.relative import relative_gaps

# The items of StarGAN, its weights 1, 1, 10 and 1, 10, and what the method's equations 7 to 9 make
# of them, worked out by hand.
WEIGHTS = {"rec": 10.0, "gp": 10.0}
THEIRS = {"gen": -0.8, "cla": 2.0, "rec": 0.25}
OURS = {"gen": -0.5, "cla": 2.4, "rec": 0.30}
JUDGED, JUDGED_TOO = {"dis": -1.5, "gp": 0.1}, {"dis": -1.2, "gp": 0.14}


def weighted(items):
    return {name: jnp.float32(WEIGHTS.get(name, 1) * value) for name, value in items.items()}


def test_the_worked_example():
    gaps, floored = relative_gaps(weighted(THEIRS), weighted(OURS), WEIGHTS, 0.05)
    assert gaps == pytest.approx({"gen": 0.375, "cla": 0.2, "rec": 2.0}, rel=1e-5)
    more, also = relative_gaps(weighted(JUDGED), weighted(JUDGED_TOO), WEIGHTS, 0.05)
    assert more == pytest.approx({"dis": 0.2, "gp": 4.0}, rel=1e-5)
    assert sum(gaps.values()) == pytest.approx(2.575, rel=1e-5)
    assert sum(more.values()) == pytest.approx(4.2, rel=1e-5)
    assert sum(gaps.values()) + 0.5 * sum(more.values()) == pytest.approx(4.675, rel=1e-5)
    assert floored == also == 0


def test_the_floor_holds_where_an_item_crosses_zero_and_is_counted():
    theirs = {"gen": jnp.float32(1e-9), "rec": jnp.float32(10 * 0.01)}
    ours = {"gen": jnp.float32(0.1), "rec": jnp.float32(10 * 0.03)}
    gaps, floored = relative_gaps(theirs, ours, WEIGHTS, 0.05)
    assert gaps == pytest.approx({"gen": 0.1 / 0.05, "rec": 10 * 0.02 / 0.05}, rel=1e-5)
    assert floored == 2


def test_only_the_sign_of_a_gap_and_the_size_of_theirs_reach_the_gradient():
    def total(theirs, ours):
        return sum(relative_gaps(theirs, ours, WEIGHTS, 0.05)[0].values())

    to_theirs, to_ours = jax.grad(total, argnums=(0, 1))(weighted(THEIRS), weighted(OURS))
    assert not any(to_theirs.values())
    assert to_ours == pytest.approx({"gen": 1 / 0.8, "cla": 1 / 2, "rec": 1 / 0.25}, rel=1e-5)


def test_an_item_without_a_weight_is_left_out():
    items = {"gen": jnp.float32(1), "cycle": jnp.float32(0)}
    gaps, _ = relative_gaps(items, items, {"cycle": 0.0}, 0.05)
    assert list(gaps) == ["gen"] and gaps["gen"] == 0
