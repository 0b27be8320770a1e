import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.models import store
from ganc.models.detail_discriminator import DetailSpec, detail, detail_patch

PICTURES = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 6)).astype(np.float32)


def test_detail_by_hand():
    point = np.zeros((1, 11, 11, 1), np.float32)
    point[0, 5, 5, 0] = 1
    found = detail(jnp.asarray(point))[0, ..., 0]
    # Two means over 5x5 px are one weighted by (1 2 3 4 5 4 3 2 1) / 25 in each direction.
    assert found[5, 5] == pytest.approx(1 - (5 / 25) ** 2, rel=1e-5)
    assert found[5, 8] == pytest.approx(-(5 / 25) * (2 / 25), rel=1e-5)
    np.testing.assert_allclose(detail(jnp.full((1, 8, 8, 2), 0.7)), 0, atol=1e-6)


def test_colours_do_not_matter_and_the_strength_of_detail_does():
    judge = detail_patch(DetailSpec(ndf=4))
    params = judge.init(jax.random.key(0))
    call = jax.jit(lambda x: judge.apply(params, x).logits)
    logits = call(PICTURES)
    assert logits.shape == (2, 6, 6, 1)
    np.testing.assert_allclose(call(PICTURES + 0.5), logits, atol=1e-4)
    # Biases begin at zero: without norms, three times the detail is three times the logits.
    np.testing.assert_allclose(call(3 * PICTURES), 3 * logits, rtol=1e-4, atol=1e-4)


def test_it_is_stored(tmp_path):
    judge = detail_patch(DetailSpec(ndf=2, layers=1, gain=4.0))
    params = judge.init(jax.random.key(0))
    store.save_discriminator(tmp_path / "judge", judge, params, {})
    again, weights = store.load_discriminator(tmp_path / "judge")
    assert again.spec == judge.spec
    jax.tree.map(np.testing.assert_array_equal, weights, params)
