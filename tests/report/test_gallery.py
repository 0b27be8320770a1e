import numpy as np
import pytest
from PIL import Image

from ganc.report.gallery import GUTTER, HEADER, Sample, data_uri, spread_samples, write_samples


def picture(size=64, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def sample(truth=True, size=64, seed=0) -> Sample:
    source, teacher, student, last = (picture(size, 4 * seed + k) for k in range(4))
    return Sample(source, teacher, student, last if truth else None)


@pytest.mark.parametrize("truth, count", [(True, 4), (False, 3)])
def test_samples_png_has_the_stated_size(tmp_path, truth, count):
    path = tmp_path / "samples.png"
    write_samples(path, [sample(truth, seed=0), sample(False, seed=1)])
    grid = np.asarray(Image.open(path))
    assert grid.shape == (HEADER + 2 * (128 + GUTTER), GUTTER + count * (128 + GUTTER), 3)
    first = grid[HEADER : HEADER + 128 : 2, GUTTER : GUTTER + 128 : 2]
    np.testing.assert_array_equal(first, picture(64, 0))


def test_samples_need_at_least_one(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_samples(tmp_path / "samples.png", [])


def test_small_pictures_are_exact_and_large_ones_are_jpeg():
    assert data_uri(picture(128)).startswith("data:image/png;base64,")
    assert data_uri(picture(129)).startswith("data:image/jpeg;base64,")


def test_samples_are_spread_and_aligned():
    rng = np.random.default_rng(0)
    source, real = (rng.uniform(-1, 1, (9, 16, 16, 3)) for _ in range(2))
    samples = spread_samples(source=source, teacher=real, student=source, truth=real, count=3)
    assert len(samples) == 3
    for sample in samples:
        np.testing.assert_array_equal(sample.teacher, sample.truth)
        np.testing.assert_array_equal(sample.student, sample.source)
    assert not np.array_equal(samples[0].source, samples[-1].source)
    alone = spread_samples(source=source, teacher=real)
    assert len(alone) == 9 and alone[0].student is None and alone[0].truth is None
