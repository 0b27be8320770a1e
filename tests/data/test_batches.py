import threading
import time

import numpy as np
import pytest

from ganc.data.batches import Paired, Unpaired, prefetch
from ganc.data.labels import encode
from ganc.data.pictures import Augmentation, Lazy, View, resize, stack, to_float, to_uint8

CROPS = Augmentation((9, 9), (8, 8), flip=True)


def unpaired(**changes):
    def flat(i):
        return np.full((12, 12, 3), i, np.uint8)

    noise = np.random.default_rng(0).integers(0, 255, (5, 10, 14, 3), np.uint8)
    options = {"size": 2, "augmentation": CROPS, "seed": 3} | changes
    return Unpaired(Lazy(range(7), flat), Lazy(noise, np.asarray), **options)


def same(one, other):
    return all(np.array_equal(one[domain], other[domain]) for domain in "ab")


def test_a_batch_is_a_function_of_seed_and_step():
    batches = [unpaired()(step) for step in range(8)]
    assert batches[0]["a"].shape == batches[0]["b"].shape == (2, 8, 8, 3)
    assert batches[0]["a"].dtype == np.float32
    assert all(same(unpaired()(step), batches[step]) for step in (7, 0, 5))
    assert not same(unpaired(seed=4)(0), batches[0])


def test_an_epoch_uses_every_picture_once():
    shades = [round(float((unpaired(size=1)(s)["a"][0, 0, 0, 0] + 1) * 127.5)) for s in range(14)]
    assert sorted(shades[:7]) == sorted(shades[7:]) == list(range(7))
    assert shades[:7] != shades[7:]


@pytest.mark.parametrize("workers, ahead", [(1, 1), (2, 4), (4, 2)])
def test_any_number_of_workers_gives_the_same(workers, ahead):
    make = unpaired()
    made = list(prefetch(make, 3, 12, workers=workers, ahead=ahead))
    assert len(made) == 9
    assert all(same(batch, make(step)) for step, batch in enumerate(made, 3))


def test_rows_are_made_as_in_the_whole_batch():
    whole, parts = unpaired(size=4)(5), [unpaired(size=4)(5, rows) for rows in ([0, 1], [2, 3])]
    for domain in "ab":
        np.testing.assert_array_equal(np.concatenate([p[domain] for p in parts]), whole[domain])


def test_nothing_to_make():
    assert list(prefetch(unpaired(), 4, 4)) == []


def test_an_error_comes_at_its_step():
    def make(step):
        if step == 3:
            raise OSError("the disk is gone")
        return step

    taken = []
    with pytest.raises(OSError, match="the disk is gone"):
        for step in prefetch(make, 0, 9):
            taken.append(step)
    assert taken == [0, 1, 2]


def test_a_consumer_that_stops_early_waits_for_nobody():
    release, started = threading.Event(), []

    def make(step):
        started.append(step)
        if step:
            release.wait(20)
        return step

    steps = prefetch(make, 0, 100, workers=2, ahead=8)
    assert next(steps) == 0
    start = time.perf_counter()
    steps.close()
    assert time.perf_counter() - start < 5
    release.set()
    time.sleep(0.1)
    assert len(started) <= 4  # what ran may end; what was queued never starts


def test_workers_run_ahead_of_the_consumer():
    made = threading.Semaphore(0)
    steps = prefetch(lambda step: made.release(), 0, 100, workers=2, ahead=4)
    next(steps)
    for _ in range(5):  # the one taken and four more, while the consumer does nothing
        assert made.acquire(timeout=10)
    assert not made.acquire(timeout=0.1)
    steps.close()


def test_uint8_survives_the_round_trip():
    values = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(to_float(values)), values)
    assert to_float(values).min() == -1 and to_float(values).max() == 1


def test_augment_cuts_mirrors_and_resizes():
    picture = np.random.default_rng(1).integers(0, 255, (5, 30, 3), np.uint8)
    seen = [CROPS.draw(np.random.default_rng(i))(picture) for i in range(40)]
    whole = resize(picture, 9, 9)
    windows = [whole[i : i + 8, j : j + 8] for i in range(2) for j in range(2)]
    windows += [window[:, ::-1] for window in windows]
    found = {k for cut in seen for k, window in enumerate(windows) if np.array_equal(cut, window)}
    assert len(found) == 8 and all(cut.shape == (8, 8, 3) for cut in seen)


def test_stack():
    assert stack([], (8, 6)).shape == (0, 8, 6, 3)
    pictures = Lazy(range(3), lambda i: np.zeros((4, 5, 3), np.uint8))
    assert stack(pictures, (8, 6)).shape == (3, 8, 6, 3)


def paired(a, b, **changes):
    options = {"size": 3, "augmentation": CROPS, "seed": 3} | changes
    return Paired(Lazy(a, np.asarray), Lazy(b, np.asarray), **options)


def test_pairs_share_their_crop_and_flip():
    noise = np.random.default_rng(0).integers(0, 255, (7, 10, 14, 3), np.uint8)
    batches = paired(noise, noise)
    for step in range(7):
        batch = batches(step)
        assert batch["a"].shape == (3, 8, 8, 3) and batch["a"].dtype == np.float32
        np.testing.assert_array_equal(batch["a"], batch["b"])
    assert same(batches(5), paired(noise, noise)(5))
    assert not same(batches(0), paired(noise, noise, seed=4)(0))


def test_an_epoch_of_pairs_uses_every_pair_once():
    shades = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1) * np.ones((1, 12, 12, 3), np.uint8)
    batches = paired(shades, 10 * shades, size=2)
    seen = [np.rint((batches(s)[d][:, 0, 0, 0] + 1) * 127.5) for s in range(3) for d in "ab"]
    a, b = np.concatenate(seen[::2]), np.concatenate(seen[1::2])
    assert sorted(a) == list(range(6))
    np.testing.assert_array_equal(b, 10 * a)


def test_label_maps_are_never_interpolated_and_follow_their_picture():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (5, 20, 24))
    pictures = np.repeat(np.uint8(60 * labels)[..., None], 3, axis=-1)
    # Twice the size: the nearest pixel repeats each, so that pictures can be compared by colour.
    wide = Augmentation((40, 48), (40, 48), flip=True)
    batch = paired(labels, pictures, augmentation=wide, encode=lambda x: encode(x, None, 4))(0)
    assert batch["a"].shape == (3, 40, 48, 4)
    np.testing.assert_array_equal(batch["a"].sum(axis=-1), 1)
    decoded = batch["a"].argmax(axis=-1)
    colours = np.rint((batch["b"][..., 0] + 1) * 127.5) / 60
    assert np.mean(np.rint(colours) == decoded) > 0.6  # bicubic mixes at the borders alone
    for each in decoded:
        blocks = each.reshape(20, 2, 24, 2)
        assert (blocks == blocks[:, :1, :, :1]).all()
    with pytest.raises(ValueError, match="as many of each, got 5 and 4"):
        paired(labels, pictures[:4])


def test_windows_of_any_shape():
    picture = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8, 1)
    np.testing.assert_array_equal(
        View((6, 8), 1, 2, (3, 5), mirrored=True)(picture), picture[1:4, 2:7][:, ::-1]
    )
    windows = {
        (view.top, view.left)
        for i in range(200)
        for view in [Augmentation((6, 8), (5, 4), flip=False).draw(np.random.default_rng(i))]
    }
    assert windows == {(top, left) for top in range(2) for left in range(5)}
