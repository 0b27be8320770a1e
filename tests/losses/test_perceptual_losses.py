import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.losses.perceptual import gram, ssim, style_loss, total_variation
from ganc.losses.reconstruction import l1_loss
from ganc.metrics import similarity


@pytest.fixture
def pictures():
    """The pair of the golden values: made channels first, as the reference has it."""
    c, i, j = np.meshgrid(np.arange(3), np.arange(16), np.arange(16), indexing="ij")
    a, b = np.sin(0.1 * (16 * i + j) + c), np.cos(0.07 * (16 * i + j) - c)
    return tuple(np.float32(x.transpose(1, 2, 0)[None]) for x in (a, b))


@pytest.fixture
def features():
    """f and g of the golden values, (2 4 5 6) channels first, here channels last."""
    k = np.arange(2 * 4 * 5 * 6).reshape(2, 4, 5, 6)
    return tuple(np.float32(f(k).transpose(0, 2, 3, 1)) for f in (np.sin, np.cos))


def test_golden_values_of_the_reference(pictures, features):
    """Measured with the authors' code: shared/specs/omgd.md, section 2.6."""
    a, b = pictures
    assert ssim(a, b) == pytest.approx(0.152833, abs=1e-6)
    assert 10 * (1 - ssim(a, b)) == pytest.approx(8.471672, abs=1e-5)
    assert ssim(a, a) == pytest.approx(1, abs=1e-6)
    assert total_variation(a) == pytest.approx(704.2060, rel=1e-6)
    f, g = features
    assert gram(f)[0, 0, 1] == pytest.approx(0.01550901, abs=1e-7)
    assert gram(f)[1, 2, 2] == pytest.approx(0.12915161, abs=1e-7)
    assert style_loss([f], [g]) == pytest.approx(0.00649133, abs=1e-7)
    assert l1_loss(f, g) == pytest.approx(0.89915854, abs=1e-6)


def test_ssim_is_that_of_the_metrics_where_the_protocols_agree():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3, 20, 25, 3)).astype(np.float32)
    for noise in (0.1, 0.5, 1.0):
        y = np.clip(x + noise * rng.uniform(-1, 1, x.shape), -1, 1).astype(np.float32)
        found = ssim((x + 1) / 2, (y + 1) / 2, padded=False)
        assert found == pytest.approx(similarity.ssim(x, y), abs=2e-5)


def test_a_window_that_does_not_fit_is_refused(pictures):
    a, b = (x[:, :10] for x in pictures)
    ssim(a, b)  # padded, it fits
    with pytest.raises(ValueError, match="11x11 or more"):
        ssim(a, b, padded=False)


def test_gradients_are_finite_and_those_of_differences(pictures):
    a, b = pictures

    def loss(x):
        return -ssim(x, b) + 1e-3 * total_variation(x) + style_loss([x], [b])

    gradient = jax.grad(loss)(a)
    assert np.isfinite(gradient).all()
    assert np.isfinite(jax.grad(loss)(jnp.zeros_like(a))).all()  # flat: no variance at all
    step = 1e-2 * gradient / jnp.linalg.norm(gradient)
    slope = (loss(a + step) - loss(a - step)) / 2
    assert slope == pytest.approx(float(jnp.sum(gradient * step)), rel=0.02)


def test_variation_is_a_sum_over_the_batch_and_style_is_not(pictures, features):
    a, _ = pictures
    twice = np.concatenate([a, a])
    assert total_variation(twice) == pytest.approx(2 * float(total_variation(a)), rel=1e-6)
    f, g = features
    doubled = style_loss([np.concatenate([f, f])], [np.concatenate([g, g])])
    assert doubled == pytest.approx(float(style_loss([f], [g])), rel=1e-6)
    assert style_loss([f, g], [g, f]) == pytest.approx(2 * float(style_loss([f], [g])), rel=1e-6)
