import numpy as np
import pytest

from ganc.data.pictures import to_uint8
from ganc.features.layers import levels
from ganc.features.resizing import SIZE, resize

SIZES = [(512, 256), (96, 130), (299, 299), (1, 7)]


def uint8(height, width):
    return np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype(np.uint8)


def interpolate(images, **options):
    torch = pytest.importorskip("torch", reason="an independent implementation")
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()
    y = torch.nn.functional.interpolate(x, (SIZE, SIZE), align_corners=False, **options)
    return y.numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_is_pytorchs(size):
    images = uint8(*size)
    expected = 2 * (interpolate(images, mode="bilinear") / 255) - 1
    np.testing.assert_allclose(resize(images, "bilinear"), expected, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_clean_is_bicubic_and_antialiased(size):
    images = uint8(*size)
    expected = interpolate(images, mode="bicubic", antialias=True).clip(0, 255)
    np.testing.assert_allclose(resize(images, "clean"), (expected - 128) / 128, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_tf1_begins_at_the_first_pixel(size):
    images = uint8(*size)
    expected = images.astype(np.float64)
    for axis, pixels in ((1, size[0]), (2, size[1])):
        places = np.arange(SIZE) * pixels / SIZE
        expected = np.apply_along_axis(
            lambda line, at=places: np.interp(at, np.arange(len(line)), line), axis, expected
        )
    np.testing.assert_allclose(resize(images, "tf1"), (expected - 128) / 128, atol=1e-4)


def test_the_range_of_each():
    black, white = np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4, 3), 255, np.uint8)
    for how, high in (("bilinear", 1), ("clean", 127 / 128), ("tf1", 127 / 128)):
        np.testing.assert_allclose(resize(black, how), -1)
        np.testing.assert_allclose(resize(white, how), high, rtol=1e-6)


def test_floats_are_rounded_as_when_they_are_saved(waves):
    images = 1.1 * waves(20, 30)
    np.testing.assert_array_equal(levels(images), to_uint8(images))
    np.testing.assert_array_equal(levels(to_uint8(images)), to_uint8(images))
    for how in ("bilinear", "clean", "tf1"):
        np.testing.assert_array_equal(resize(images, how), resize(to_uint8(images), how))


def test_refuses_other_ways_and_other_pictures():
    with pytest.raises(ValueError, match="'bilinear', 'clean', 'tf1'"):
        resize(uint8(4, 4), "nearest")
    with pytest.raises(ValueError, match="RGB"):
        resize(uint8(4, 4)[..., :1], "bilinear")
