import jax.numpy as jnp
import numpy as np
import pytest

from ganc.data.dataset import open_dataset
from ganc.data.labels import LabelMaps
from ganc.errors import UserError
from ganc.features.perceptual import perceptual
from ganc.tasks import gaugan
from ganc.types import Discriminator, Verdict

MAPS = LabelMaps(2)


def seen(params, x, **_):
    # Two scales of one logit; features are v times the picture, which stands behind the labels.
    mean = params["v"] * x[..., 2:].mean(axis=-1, keepdims=True)
    return Verdict((mean, 2 * mean), ((params["v"] * x[..., 2:],), (x[..., 2:], x[..., 2:])))


JUDGE = Discriminator(lambda key: {"v": jnp.float32(2)}, seen, spec=None, channels_in=5)
BATCH = {"a": jnp.zeros((1, 1, 1, 2)), "b": jnp.full((1, 1, 1, 3), -0.6)}
PARAMS = {"v": jnp.float32(2)}
FAKE = jnp.full((1, 1, 1, 3), 0.2)


def terms(task, fake=FAKE, batch=BATCH):
    found = task.generator_terms(
        lambda image: task.judge(PARAMS, batch, image), batch, fake, task.target(batch, None)
    )
    return {name: float(term) for name, term in found.items()}


def test_terms_by_hand():
    task = gaugan.task(JUDGE, MAPS, perceptual=0)
    # Logits of the fake are 0.4 and 0.8, of the truth -1.2 and -2.4; features differ by 2 * 0.8 at
    # the first scale, and by 0.8 twice at the second.
    expected = {"adversarial": -0.6, "features": 10 * (1.6 + 1.6) / 2}
    assert terms(task) == pytest.approx(expected, rel=1e-5)
    told, _ = task.tell_apart(PARAMS, BATCH, FAKE)
    both = ((1 + 1.2) + (1 + 2.4)) / 2 + ((1 + 0.4) + (1 + 0.8)) / 2
    assert told == {"discriminator": pytest.approx(both, rel=1e-5)}


def test_perceptual_features_are_those_of_the_network_by_name():
    rng = np.random.default_rng(0)
    fake, real = (jnp.asarray(rng.uniform(-1, 1, (1, 32, 32, 3))) for _ in range(2))
    batch = {"a": jnp.zeros((1, 32, 32, 2)), "b": real}
    task = gaugan.task(JUDGE, MAPS, features=0, perceptual=2.0)
    network = perceptual("lite0")
    pairs = zip(network.maps(network.params, fake), network.maps(network.params, real), strict=True)
    gaps = [float(np.abs(np.asarray(x) - np.asarray(y)).mean()) for x, y in pairs]
    expected = 2 * (gaps[0] / 16 + gaps[1] / 8 + gaps[2] / 4 + gaps[3])
    assert terms(task, fake, batch)["perceptual"] == pytest.approx(expected, rel=1e-4)
    assert terms(task, batch["b"], batch)["perceptual"] == 0
    with pytest.raises(UserError, match="valid are lite0"):
        gaugan.task(JUDGE, MAPS, network="alexnet")


def test_a_student_matches_the_truth_whatever_its_teacher_draws():
    task = gaugan.task(JUDGE, MAPS, perceptual=0)
    np.testing.assert_array_equal(task.target(BATCH, jnp.ones((1, 1, 1, 3))), BATCH["b"])
    assert task.paired and task.labels == MAPS
    assert task.shown(BATCH, FAKE).shape == (1, 1, 1, 5)


def test_batches_are_encoded_label_maps_and_pictures():
    data = open_dataset("earth:labels-satellite", 32, paired=True, labels=LabelMaps(10))
    batch = gaugan.labelled(data, 2, 0)(0)
    assert batch["a"].shape == (2, 32, 32, 10) and batch["b"].shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(batch["a"].sum(-1), 1)
