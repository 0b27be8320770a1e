import numpy as np
import pytest

from ganc.data.labels import LabelMaps, edges, encode, one_hot
from ganc.data.pictures import resize
from ganc.errors import UserError


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_one_channel_per_class(dtype):
    labels = np.array([[0, 2, 1], [2, 2, 0]], dtype)
    channels = one_hot(labels, 4)
    assert channels.shape == (2, 3, 4) and channels.dtype == np.float32
    np.testing.assert_array_equal(channels.argmax(axis=-1), labels)
    np.testing.assert_array_equal(channels.sum(axis=-1), 1)


def test_unknown_pixels_get_the_last_channel():
    channels = one_hot(np.uint8([[0, 255], [1, 0]]), 2, dontcare=255)
    np.testing.assert_array_equal(channels, np.eye(3)[np.array([[0, 2], [1, 0]])])


def test_both_pixels_of_a_differing_pair_are_edges():
    instances = np.array([[5, 5, 5, 5], [5, 5, 9, 5], [5, 5, 5, 5]])
    expected = [[0, 0, 1, 0], [0, 1, 1, 1], [0, 0, 1, 0]]
    found = edges(instances)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[..., 0], expected)


def test_edges_of_unsigned_and_of_large_numbers():
    left, right = np.uint16([[26001, 26001, 26002]]), np.array([[2**40, 2**40, 2**40 + 1]])
    for instances in (left, right):
        np.testing.assert_array_equal(edges(instances)[0, :, 0], [0, 1, 1])


def test_the_inputs_of_the_published_models():
    rng = np.random.default_rng(0)
    instances = rng.integers(0, 3, (8, 16))
    city = encode(rng.integers(0, 35, (8, 16)), instances, 35)
    coco = encode(rng.choice([0, 181, 255], (8, 16)), instances, 182, dontcare=255)
    assert (city.shape, coco.shape) == ((8, 16, 36), (8, 16, 184))
    for channels in (city, coco):
        assert channels.dtype == np.float32
        np.testing.assert_array_equal(channels[..., -1:], edges(instances))
        np.testing.assert_array_equal(channels[..., :-1].sum(axis=-1), 1)
    assert encode(instances, None, 3).shape == (8, 16, 3)


@pytest.mark.parametrize(
    ("labels", "dontcare", "message"),
    [
        (np.int64([[0, 3]]), None, r"labels must be 0..2, got 3$"),
        (np.int64([[-1, 0]]), None, r"labels must be 0..2, got -1$"),
        (np.uint8([[0, 254]]), 255, r"labels must be 0..2 or 255, got 254$"),
        (np.float32([[0, 1]]), None, r"labels must be integers \(h w\), got float32 \(1, 2\)"),
        (np.int64([0, 1]), None, r"labels must be integers \(h w\), got int64 \(2,\)"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels, dontcare, message):
    with pytest.raises(UserError, match=message):
        one_hot(labels, 3, dontcare)


def test_a_known_class_is_not_unknown_too():
    with pytest.raises(UserError, match="dontcare must lie outside 0..2, got 2"):
        one_hot(np.zeros((1, 1), int), 3, dontcare=2)


def test_maps_of_two_sizes_are_refused():
    with pytest.raises(UserError, match=r"instances are \(2, 3\), expected \(2, 2\)"):
        encode(np.zeros((2, 2), int), np.zeros((2, 3), int), 1)


def test_label_maps_are_encoded_and_shown():
    maps = LabelMaps(2, dontcare=255, instances=True, colours=((255, 0, 0), (0, 0, 255)))
    labels = np.array([[0, 1], [1, 255]])
    both = np.stack([labels, np.array([[5, 5], [5, 5]])], axis=-1)
    encoded = maps.encode(both)
    assert maps.channels == 4 == encoded.shape[-1]
    np.testing.assert_array_equal(encoded, encode(labels, both[..., 1], 2, 255))
    shown = maps.show(encoded[None])
    expected = [[(1, -1, -1), (-1, -1, 1)], [(-1, -1, 1), (-1, -1, -1)]]
    np.testing.assert_array_equal(shown[0], expected)
    assert len(np.unique(LabelMaps(35).show(np.eye(35)[None]).reshape(-1, 3), axis=0)) == 35
    with pytest.raises(UserError, match=r"\(h w 2\), got \(2, 2\)"):
        maps.encode(labels)
    np.testing.assert_array_equal(resize(both, 4, 4)[::2, ::2], both)
