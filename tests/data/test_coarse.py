import numpy as np
import pytest

from ganc.data.dataset import open_dataset
from ganc.data.pictures import coarsen
from ganc.errors import UserError


def test_every_square_becomes_its_mean():
    picture = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    found = coarsen(picture, 2)
    assert found.shape == picture.shape
    np.testing.assert_allclose(found[1, 2:4, 4:6, 1], picture[1, 2:4, 4:6, 1].mean())
    assert (found[:, ::2, ::2] == found[:, 1::2, 1::2]).all()


def test_coarse_tiles_are_those_of_the_satellite():
    data = open_dataset("earth:coarse-satellite", 32, paired=True)
    coarse, fine = data.report_a[3], data.report_b[3]
    assert coarse.shape == fine.shape == (32, 32, 3) and coarse.dtype == np.uint8
    np.testing.assert_array_equal(coarse, np.rint(coarsen(fine, 4)).astype(np.uint8))
    assert (coarse != fine).any()
    with pytest.raises(UserError, match="multiples of 4 px, got 30"):
        open_dataset("earth:coarse-satellite", 30, paired=True)
