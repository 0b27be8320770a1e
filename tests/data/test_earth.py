import numpy as np
import pytest

from ganc.data.earth import BLOCKS, LAND, SEAS, SPLITS, TONES, Tiles, positions
from ganc.errors import UserError

WIDTHS = {64: 2048, 128: 4096}  # of the mosaics, shrunk for small tiles


def columns(split, size):
    x = np.unique(positions(split, size, 16)[:, 1])
    return set((x[:, None] + np.arange(size)).ravel().tolist())


@pytest.mark.parametrize("size", WIDTHS)
def test_the_splits_share_no_pixel(size):
    train, search, report = (columns(split, size) for split in ("train", "search", "report"))
    assert not train & search and not train & report and not search & report
    assert max(train) < WIDTHS[size]


def test_every_block_is_in_one_split():
    assert sorted(sum(SPLITS.values(), ())) == list(range(BLOCKS))


@pytest.mark.parametrize("size", WIDTHS)
def test_tiles_stay_within_their_blocks(size):
    for split in ("search", "report"):
        blocks = {x * BLOCKS // WIDTHS[size] for x in columns(split, size)}
        assert blocks == set(SPLITS[split])


def test_every_size_up_to_a_block_fits():
    for size in range(8, 171, 9):
        assert all(len(positions(split, size, size // 2)) > 8 for split in SPLITS)


def test_tiles_have_land():
    relief = Tiles("relief", "report", 64, 32)
    for tile in list(relief)[::4]:
        red, green, blue = np.moveaxis(tile.astype(int), -1, 0)
        assert np.mean((blue - red < 8) | (green > blue + 2)) >= LAND


def test_the_same_index_is_the_same_place():
    views = [Tiles(v, "search", 128, 64) for v in ("satellite", "satellite_other_month")]
    correlation = [
        np.corrcoef(views[0][i].astype(float).ravel(), views[1][j].astype(float).ravel())[0, 1]
        for i, j in ((5, 5), (20, 20), (30, 30), (5, 20))
    ]
    assert min(correlation[:3]) > 0.5 > correlation[3]


def test_the_protocol_of_a_sequence():
    tiles = Tiles("relief", "search", 128, 64)
    assert len(list(tiles)) == len(tiles) == 37
    assert np.array_equal(tiles[-1], tiles[36])
    assert tiles[0].shape == (128, 128, 3) and tiles[0].dtype == np.uint8
    for beyond in (37, -38):
        with pytest.raises(IndexError):
            tiles[beyond]
    with pytest.raises(TypeError):
        tiles[0:2]  # pyright: ignore


@pytest.mark.parametrize("split, largest", [("search", 170), ("report", 170), ("train", 682)])
def test_the_largest_tile(split, largest):
    assert len(positions(split, largest, 4))
    with pytest.raises(UserError, match=rf"{largest + 1} px .* sizes from 1 to {largest} px do"):
        positions(split, largest + 1, 4)


def test_nobody_can_change_what_is_cached():
    with pytest.raises(ValueError, match="read-only"):
        Tiles("relief", "search", 64, 32)[0][0] = 0
    with pytest.raises(ValueError, match="read-only"):
        positions("search", 64, 32)[0] = 0


def test_labels_follow_the_relief_map():
    labels, relief = (list(Tiles(view, "report", 64, 32)) for view in ("labels", "relief"))
    assert labels[0].shape == (64, 64) and labels[0].dtype == np.uint8
    labels, relief = np.stack(labels), np.stack(relief).astype(int)
    shares = np.bincount(labels.ravel(), minlength=len(TONES)) / labels.size
    assert len(shares) == 10 and shares.min() > 0.005  # no class is for nothing
    red, green, blue = np.moveaxis(relief, -1, 0)
    water = ~((blue - red < 8) | (green > blue + 2))
    np.testing.assert_array_equal(labels < SEAS, water)
    for label, tone in enumerate(TONES.values()):
        assert np.abs(relief[labels == label].mean(0) - tone).max() < 15
