import threading
import time

import numpy as np
import pytest

from ganc.data.batches import Unpaired, prefetch
from ganc.data.pictures import Lazy, augment, resize, stack, to_float, to_uint8


def unpaired(**changes):
    def flat(i):
        return np.full((12, 12, 3), i, np.uint8)

    noise = np.random.default_rng(0).integers(0, 255, (5, 10, 14, 3), np.uint8)
    options = {"size": 2, "load": 9, "crop": 8, "flip": True, "seed": 3} | changes
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
    seen = [
        augment(picture, np.random.default_rng(i), load=9, crop=8, flip=True) for i in range(40)
    ]
    whole = resize(picture, 9, 9)
    windows = [whole[i : i + 8, j : j + 8] for i in range(2) for j in range(2)]
    windows += [window[:, ::-1] for window in windows]
    found = {k for cut in seen for k, window in enumerate(windows) if np.array_equal(cut, window)}
    assert len(found) == 8 and all(cut.shape == (8, 8, 3) for cut in seen)


def test_stack():
    assert stack([], 8).shape == (0, 8, 8, 3)
    assert stack(Lazy(range(3), lambda i: np.zeros((4, 5, 3), np.uint8)), 8).shape == (3, 8, 8, 3)
