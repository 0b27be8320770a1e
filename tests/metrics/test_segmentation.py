import numpy as np
import pytest
from PIL import Image

from ganc.errors import UserError
from ganc.metrics.segmentation import cityscapes_labels, confusion, miou, pixel_accuracy


def test_by_hand():
    truth = np.array([[0, 0, 1], [1, 2, 255]])
    predicted = np.array([[0, 1, 1], [1, 2, 0]])
    counts = confusion(truth, predicted, classes=4)
    assert counts.sum() == 5 and counts[0, 1] == 1
    # Class 0: 1 of 2; class 1: 2 of 3; class 2: 1 of 1; class 3 is nowhere.
    assert miou(counts) == pytest.approx(100 * (1 / 2 + 2 / 3 + 1) / 3)
    assert pixel_accuracy(counts) == pytest.approx(80)


def test_a_class_that_only_the_prediction_holds():
    counts = confusion(np.array([0, 0]), np.array([0, 1]), classes=3)
    assert miou(counts) == pytest.approx(100 * (1 / 2 + 0) / 2)
    assert miou(counts, over="truth") == pytest.approx(50)


def test_pictures_add_up():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 19, (2, 4, 8, 9))
    truth[0, :3] = 255
    together = confusion(truth, predicted)
    assert (together == sum(confusion(t, p) for t, p in zip(truth, predicted, strict=True))).all()
    ious = []
    for c in range(19):
        t, p = truth == c, (predicted == c) & (truth != 255)
        ious.append((t & p).sum() / (t | p).sum())
    assert miou(together) == pytest.approx(100 * np.mean(ious))


def test_nothing_counts():
    counts = confusion(np.full((2, 2), 255), np.zeros((2, 2), int))
    assert np.isnan(miou(counts)) and np.isnan(pixel_accuracy(counts))


def test_wrong_labels_are_refused():
    for truth, predicted, message in (
        ([0, 19], [0, 0], "a true label is 19; valid are 0 to 18"),
        ([0, 0], [0, -1], "a predicted label is -1"),
        ([0, 0], [0], "one shape"),
    ):
        with pytest.raises(UserError, match=message):
            confusion(np.array(truth), np.array(predicted))


def test_cityscapes_resizes_every_class_before_it_chooses():
    scores = np.random.default_rng(1).normal(size=(6, 12, 5)).astype(np.float32)
    maps = [
        np.asarray(Image.fromarray(np.ascontiguousarray(scores[..., c])).resize((48, 24), 2))
        for c in range(5)
    ]
    found = cityscapes_labels(scores, height=24, width=48)
    assert found.dtype == np.uint8 and (found == np.argmax(maps, axis=0)).all()
    assert cityscapes_labels(scores[..., :1]).shape == (1024, 2048)
    nearest = np.kron(scores.argmax(-1), np.ones((4, 4), int))
    assert (found != nearest).any()
