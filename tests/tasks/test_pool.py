import functools

import jax
import jax.numpy as jnp
import numpy as np

from ganc.tasks import pool

query = jax.jit(pool.query)


def batches(count, size=1):
    """Fakes that are told apart by their one value: 1, 2, 3 and so on."""
    values = np.arange(1, count * size + 1, dtype=np.float32)
    return values.reshape(count, size, 1, 1, 1)


def run(size, fakes, seed=0):
    state, history = pool.init(size, (1, 1, 1)), []
    for i, batch in enumerate(fakes):
        before = state
        state, shown = query(state, batch, jax.random.fold_in(jax.random.key(seed), i))
        history.append((before, np.ravel(batch), np.ravel(shown), state))
    return history


def test_while_it_fills_every_fake_is_stored_and_returned():
    history = run(50, batches(50))
    for i, (_, fake, shown, after) in enumerate(history):
        np.testing.assert_array_equal(shown, fake)
        assert after.filled == i + 1
    np.testing.assert_array_equal(np.ravel(after.images), np.arange(1, 51))


def test_then_half_are_exchanged_for_a_random_past_fake():
    history = run(8, batches(408))[8:]
    swaps, slots = 0, []
    for before, fake, shown, after in history:
        old, new = np.ravel(before.images), np.ravel(after.images)
        assert after.filled == 8
        if shown[0] == fake[0]:
            np.testing.assert_array_equal(new, old)  # passed through, and not stored
        else:
            swaps += 1
            (slot,) = np.flatnonzero(old == shown[0])
            slots.append(slot)
            np.testing.assert_array_equal(new, np.where(np.arange(8) == slot, fake, old))
    assert abs(swaps - 200) < 50  # five standard deviations
    assert np.bincount(slots, minlength=8).min() > swaps / 8 / 3


def test_a_batch_goes_one_picture_after_the_other():
    # A pool of one, and a batch of four that starts while it fills: the first is stored, and each
    # of the others may only be exchanged for what the pool holds at its turn.
    exchanged = 0
    for seed in range(20):
        ((_, fakes, shown, after),) = run(1, batches(1, size=4), seed)
        held = fakes[0]
        assert shown[0] == fakes[0]
        for fake, seen in zip(fakes[1:], shown[1:], strict=True):
            assert seen in (fake, held)
            if seen == held:
                held, exchanged = fake, exchanged + 1
        assert np.ravel(after.images) == [held]
    assert 10 < exchanged < 50


def test_a_pool_of_nothing_passes_everything_through():
    for before, fakes, shown, after in run(0, batches(20, size=2)):
        np.testing.assert_array_equal(shown, fakes)
        np.testing.assert_array_equal(after.images, before.images)
        assert after.filled == -1


def test_the_key_decides():
    full = functools.reduce(lambda state, i: i[3], run(4, batches(4)), None)
    fakes = jnp.arange(100, 116, dtype=jnp.float32).reshape(16, 1, 1, 1)
    one, same, other = (pool.query(full, fakes, jax.random.key(k))[1] for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
