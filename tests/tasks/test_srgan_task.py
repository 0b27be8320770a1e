import jax.numpy as jnp
import numpy as np
import pytest

from ganc.data.pictures import Augmentation, coarsen
from ganc.features.perceptual import Perceptual
from ganc.tasks import srgan
from ganc.types import Discriminator, Verdict

JUDGE = Discriminator(
    lambda key: {},
    lambda params, x, momentum=None: Verdict(jnp.mean(x, axis=(1, 2, 3), keepdims=True)),
    None,
)


def test_terms_by_hand(monkeypatch):
    toy = Perceptual("toy", jnp.float32(3), lambda p, x: (x, p * x, x, x))
    monkeypatch.setattr(srgan, "load_perceptual", lambda name: toy)
    task = srgan.task(JUDGE)
    image, target = jnp.full((1, 4, 4, 3), 0.5), jnp.full((1, 4, 4, 3), 0.1)
    terms = task.generator_terms(lambda x: JUDGE.apply({}, x), {}, image, target)
    expected = {"adversarial": 1e-3 * np.log1p(np.exp(-0.5)), "pixels": 0.16, "content": 0.144}
    assert terms == pytest.approx(expected, rel=1e-5)
    assert task.weights.keys() == terms.keys()
    real, fake = (JUDGE.apply({}, x) for x in (target, image))
    expected = np.log1p(np.exp(-0.1)) + np.log1p(np.exp(0.5))
    assert task.discriminator_terms(real, fake)["discriminator"] == pytest.approx(expected)


def test_batches_are_made_coarse_after_the_crop():
    class Data:
        train_b = [np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)]
        augmentation = Augmentation((40, 40), (32, 32), flip=True)

    batch = srgan.task(JUDGE, network="").batches(Data(), 2, 0)(1)
    assert batch["a"].shape == batch["b"].shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(batch["a"], coarsen(batch["b"], 4))
