"""Our numbers beside those of scikit-image, scikit-learn, pytorch-fid, clean-fid, torch-fidelity.

Every comparison prints both numbers and their relative difference.
"""

import numpy as np
import pytest
from scoring_tools import assert_close, tool

from ganc.data.pictures import to_float
from ganc.metrics.frechet import frechet_distance, gaussian_distance
from ganc.metrics.kernel import kernel_distance, subset_distances
from ganc.metrics.similarity import psnr_each, ssim_each


def pictures():
    """A smooth scene with flat and saturated parts, and a disturbed one, uint8."""
    y, x = np.mgrid[:48, :56]
    scene = np.stack([4 * x, 5 * y, 60 + 0 * x], axis=-1).clip(0, 255).astype(np.uint8)
    noise = np.random.default_rng(0).integers(-20, 21, scene.shape)
    return scene, (scene + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("order", [1, -1])
def test_ssim_and_psnr_of_scikit_image(capsys, order):
    peer = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    a, b = pictures()[::order]
    structure = peer.structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
        channel_axis=-1,
    )  # fmt: skip
    ours = to_float(a)[None], to_float(b)[None]
    assert_close(capsys, "ssim, scikit-image", ssim_each(*ours)[0], structure)
    noise = peer.peak_signal_noise_ratio(a, b, data_range=255)
    assert_close(capsys, "psnr, scikit-image", psnr_each(*ours)[0], noise)


def features(n, m, d, seed=0):
    """Like those of a network after a ReLU: at least 0, correlated, of two shifted sets."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(d, d)) / np.sqrt(d)
    x, y = (np.maximum(rng.normal(size=(k, d)) @ mixing + 0.3, 0) for k in (n, m))
    return x.astype(np.float32), (y + 0.1).astype(np.float32)


def test_kernel_distance_of_scikit_learn(capsys):
    peer = pytest.importorskip("sklearn.metrics.pairwise", reason="scikit-learn is not installed")
    x, y = (z.astype(np.float64) for z in features(40, 30, 64))

    def within(z):
        kernel = peer.polynomial_kernel(z, degree=3, coef0=1)  # gamma is 1 / d
        return (kernel.sum() - np.trace(kernel)) / (len(z) * (len(z) - 1))

    theirs = within(x) + within(y) - 2 * peer.polynomial_kernel(x, y, degree=3, coef0=1).mean()
    assert_close(capsys, "kid, scikit-learn", kernel_distance(x, y), theirs)


def statistics(z):
    return z.mean(axis=0), np.cov(z, rowvar=False)


FRECHET = {
    "pytorch-fid": ("pytorch_fid.fid_score", lambda m, p, q: m.calculate_frechet_distance(*p, *q)),
    "clean-fid": ("cleanfid.fid", lambda m, p, q: m.frechet_distance(*p, *q)),
    "torch-fidelity": (
        "torch_fidelity.metric_fid",
        lambda m, p, q: m.fid_statistics_to_metric(
            *({"mu": mu, "sigma": sigma} for mu, sigma in (p, q)), verbose=False
        )["frechet_inception_distance"],
    ),
}


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # in their code
@pytest.mark.parametrize("peer", FRECHET)
@pytest.mark.parametrize("n, m", [(300, 200), (30, 40)], ids=["full", "singular"])
def test_frechet_distance(capsys, peer, n, m):
    name, call = FRECHET[peer]
    module = tool(name)
    x, y = (z.astype(np.float64) for z in features(n, m, 64))
    theirs = float(call(module, statistics(x), statistics(y)))
    assert_close(capsys, f"fid {n} {m}, {peer}", frechet_distance(x, y), theirs)
    ours = gaussian_distance(*statistics(x), *statistics(y))
    assert_close(capsys, f"fid {n} {m} by statistics, {peer}", ours, theirs)


def test_kernel_distance_of_clean_fid(capsys):
    peer = tool("cleanfid.fid")
    x, y = features(40, 40, 64)
    theirs = peer.kernel_distance(
        *(z.astype(np.float64) for z in (x, y)), num_subsets=2, max_subset_size=40
    )
    assert_close(capsys, "kid, clean-fid", kernel_distance(x, y), theirs)


def test_kernel_distance_of_torch_fidelity(capsys):
    peer, torch = tool("torch_fidelity.metric_kid"), tool("torch")
    x, y = features(90, 80, 64)

    def theirs(subsets, size):
        return peer.kid_features_to_metric(
            torch.from_numpy(x), torch.from_numpy(y), kid_subsets=subsets, kid_subset_size=size,
            kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
            kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False,
        )["kernel_inception_distance_mean"]  # fmt: skip

    rng = np.random.RandomState(2020)  # its own draws, with our distance
    draws = [[rng.choice(len(z), 50, replace=False) for z in (x, y)] for _ in range(5)]
    ours = float(np.mean([kernel_distance(x[i], y[j]) for i, j in draws]))
    assert_close(capsys, "kid 5 x 50, torch-fidelity", ours, theirs(5, 50))
    # With our draws the two agree as far as subsets do.
    found = subset_distances(x, y, subsets=400, size=50)
    assert abs(found.mean() - theirs(400, 50)) < 4 * np.sqrt(2 / 400) * found.std()
