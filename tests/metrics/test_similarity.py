import numpy as np
import pytest
from scipy.ndimage import correlate1d

from ganc.metrics.similarity import l1, l1_each, psnr, psnr_each, ssim, ssim_each


def draw(n, height, width, seed):
    return np.random.default_rng(seed).uniform(-1, 1, (n, height, width, 3)).astype(np.float32)


def ssim_by_the_paper(x, y):
    """Equation 13 of Wang et al. 2004, averaged over the windows inside the picture."""
    weights = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights /= weights.sum()

    def smooth(z):
        for axis in (1, 2):
            z = correlate1d(z, weights, axis)
        return z[:, 5:-5, 5:-5]

    x, y = (x.astype(np.float64) + 1) / 2, (y.astype(np.float64) + 1) / 2
    mean_x, mean_y = smooth(x), smooth(y)
    variance_x, variance_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (top / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))).mean()


def test_l1_is_in_units_of_the_full_range():
    x, y = np.full((3, 4, 4, 3), -1, np.float32), np.ones((3, 4, 4, 3), np.float32)
    assert l1(x, y) == 1 and l1(x, x) == 0
    x, y = draw(5, 6, 7, seed=0), draw(5, 6, 7, seed=1)
    assert l1(x, y) == pytest.approx(np.abs(x - y).mean() / 2, rel=1e-6)


@pytest.mark.parametrize("n", [1, 16, 19])
def test_ssim_equals_the_paper_for_any_number_of_pictures(n):
    x = draw(n, 20, 24, seed=2)
    y = np.clip(x + 0.5 * draw(n, 20, 24, seed=3), -1, 1)
    assert ssim(x, y) == pytest.approx(ssim_by_the_paper(x, y), rel=1e-9)


def test_ssim_of_equal_and_of_opposite_pictures():
    x = draw(2, 16, 16, seed=4)
    assert ssim(x, x) == pytest.approx(1, abs=1e-12)
    assert ssim(x, -x) < 0


def test_psnr_is_in_decibels_over_255():
    x = np.full((1, 4, 4, 3), -1, np.float32)
    y = x + 2 * 5 / 255  # five levels off
    assert psnr(x, y) == pytest.approx(20 * np.log10(255 / 5), rel=1e-6)
    assert psnr_each(np.concatenate([x, x]), np.concatenate([x, y]))[0] == np.inf
    assert psnr(x, x) == np.inf


def test_the_mean_is_over_pictures():
    x, y = draw(3, 16, 16, seed=6), draw(3, 16, 16, seed=7)
    for metric, each in ((l1, l1_each), (psnr, psnr_each), (ssim, ssim_each)):
        alone = [metric(x[i : i + 1], y[i : i + 1]) for i in range(3)]
        assert each(x, y) == pytest.approx(alone) and metric(x, y) == pytest.approx(np.mean(alone))


def test_refuses_pixels_that_are_not_finite():
    x = draw(2, 16, 16, seed=8)
    y = x.copy()
    y[1, 3, 3, 0] = np.nan
    for metric in (l1, psnr, ssim):
        with pytest.raises(ValueError, match="picture 1 holds pixels that are not finite"):
            metric(x, y)


def test_refuses_shapes_that_do_not_fit():
    x = draw(2, 16, 16, seed=5)
    for metric in (l1, psnr, ssim):
        with pytest.raises(ValueError, match="equal shapes"):
            metric(x, x[:1])
        with pytest.raises(ValueError, match="equal shapes"):
            metric(x[:0], x[:0])
    with pytest.raises(ValueError, match="11x11"):
        ssim(x[:, :10], x[:, :10])
