import jax.numpy as jnp
import numpy as np
import pytest

from ganc.batching import batches, evenly_spread, fill


@pytest.mark.parametrize("make", [np.asarray, jnp.asarray])
def test_the_last_batch_repeats_its_last_row(make):
    rows = make(np.arange(10).reshape(5, 2))
    parts = list(batches(rows, 3))
    assert [count for _, count in parts] == [3, 2]
    assert [part[:, 0].tolist() for part, _ in parts] == [[0, 2, 4], [6, 8, 8]]
    assert type(parts[1][0]) is type(rows)
    assert fill(rows, 5) is rows
    assert list(batches(rows[:0], 3)) == []


def test_places_are_evenly_spread():
    assert evenly_spread(3, 8).tolist() == [0, 4, 7]
    assert evenly_spread(1, 8).tolist() == [0]
    assert evenly_spread(4, 2).tolist() == [0, 0, 1, 1]
    assert evenly_spread(0, 0).tolist() == []


def test_places_are_distinct_where_there_are_enough():
    for length in range(1, 60):
        for count in range(1, length + 1):
            places = evenly_spread(count, length)
            assert len(set(places.tolist())) == count and (np.diff(places) > 0).all()
            assert places[-1] == (length - 1 if count > 1 else 0)
