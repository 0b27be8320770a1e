import numpy as np
import pytest
from PIL import Image

from ganc.data import pairs
from ganc.data.dataset import open_dataset
from ganc.data.labels import LabelMaps
from ganc.errors import UserError
from ganc.tasks.pix2pix import paired


def write(path, shade, size=(9, 7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade,) * 3).save(path)


def shades(pictures):
    return [int(picture[0, 0, 0]) for picture in pictures]


def aligned(directory, count, prefix="train"):
    for i in range(count):
        write(directory / f"{prefix}A" / f"{i:03}.png", i)
        write(directory / f"{prefix}B" / f"{i:03}.webp", i)


def test_equal_names_are_pairs_in_every_set(tmp_path):
    aligned(tmp_path, 30)
    data = open_dataset(f"folder:{tmp_path}", 8, paired=True)
    assert data.paired
    covered = []
    for part, count in (("train", 24), ("search", 3), ("report", 3)):
        a, b = (shades(getattr(data, f"{part}_{side}")) for side in "ab")
        assert np.abs(np.subtract(a, b)).max() <= 2 and len(a) == count  # WebP is lossy
        covered += a
    assert sorted(covered) == list(range(30))


def test_a_test_set_is_for_the_report_alone(tmp_path):
    aligned(tmp_path, 9)
    aligned(tmp_path, 4, "test")
    data = open_dataset(f"folder:{tmp_path}", 8, paired=True)
    assert shades(data.report_a) == [0, 1, 2, 3] and len(data.train_a) + len(data.search_a) == 9


def test_pictures_side_by_side(tmp_path):
    for i in range(8):
        both = np.full((6, 20, 3), 100 + i, np.uint8)
        both[:, :10] = i
        (tmp_path / "train").mkdir(exist_ok=True)
        Image.fromarray(both).save(tmp_path / "train" / f"{i}.png")
    data = open_dataset(f"folder:{tmp_path}", (6, 10), paired=True)
    assert data.train_a[0].shape == data.train_b[0].shape == (6, 10, 3)
    for part in ("train", "search", "report"):
        a, b = (shades(getattr(data, f"{part}_{side}")) for side in "ab")
        assert np.subtract(b, a).tolist() == [100] * len(a)


def beside(path, shade):
    both = np.full((6, 20, 3), 100 + shade, np.uint8)
    both[:, :10] = shade
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(both).save(path)


def test_val_is_reported_on_or_searched_with(tmp_path):
    for i in range(8):
        beside(tmp_path / "train" / f"{i}.png", i)
    for i in range(3):
        beside(tmp_path / "val" / f"{i}.png", 50 + i)
    data = open_dataset(f"folder:{tmp_path}", (6, 10), paired=True)
    assert shades(data.report_a) == [50, 51, 52]
    assert len(data.train_a) == 6 and len(data.search_a) == 2
    for i in range(2):
        beside(tmp_path / "test" / f"{i}.png", 70 + i)
    data = open_dataset(f"folder:{tmp_path}", (6, 10), paired=True)
    assert shades(data.train_b) == list(range(100, 108))
    assert (shades(data.search_a), shades(data.report_b)) == ([50, 51, 52], [170, 171])
    (tmp_path / "val" / "0.png").unlink()
    (tmp_path / "val" / "1.png").unlink()
    with pytest.raises(UserError, match="validation set beside the pairs of .* holds 1 usable"):
        open_dataset(f"folder:{tmp_path}", (6, 10), paired=True)


def test_both_of_a_pair_are_decoded_once(tmp_path, monkeypatch):
    for i in range(8):
        beside(tmp_path / "train" / f"{i}.png", i)
    data, opened = open_dataset(f"folder:{tmp_path}", (6, 10), paired=True), []
    decode = pairs.decode
    monkeypatch.setattr(pairs, "decode", lambda path: opened.append(path) or decode(path))
    paired(data, 2, seed=0)(0)
    assert len(opened) == 2


def test_what_is_no_pair_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        open_dataset(f"folder:{tmp_path / 'none'}", 8, paired=True)
    with pytest.raises(UserError, match="holds no pairs; expected: trainA and trainB"):
        open_dataset(f"folder:{tmp_path}", 8, paired=True)
    aligned(tmp_path, 9)
    (tmp_path / "trainB" / "004.webp").unlink()
    with pytest.raises(UserError, match=r"004\.png has no partner 004\.\* in .*trainB"):
        open_dataset(f"folder:{tmp_path}", 8, paired=True)
    write(tmp_path / "trainB" / "004.png", 4)
    write(tmp_path / "trainB" / "lonely.png", 4)
    with pytest.raises(UserError, match=r"lonely\.png has no partner lonely\.\* in .*trainA"):
        open_dataset(f"folder:{tmp_path}", 8, paired=True)
    with pytest.raises(UserError, match="tfds:x holds no pairs"):
        open_dataset("tfds:x", 8, paired=True)


def test_a_damaged_picture_takes_its_partner_along(tmp_path):
    aligned(tmp_path, 9)
    path = tmp_path / "trainA" / "003.png"
    path.write_bytes(path.read_bytes()[:45])
    data = open_dataset(f"folder:{tmp_path}", 8, paired=True, skip_bad=True)
    assert data.skipped == (str(path),)
    left = [shades(getattr(data, f"{part}_b")) for part in ("train", "search", "report")]
    assert sum(map(len, left)) == 8


def test_an_odd_width_cannot_be_halved(tmp_path):
    for i in range(6):
        write(tmp_path / "train" / f"{i}.png", i, size=(9, 7))
    data = open_dataset(f"folder:{tmp_path}", 8, paired=True)
    with pytest.raises(UserError, match="is 9 px wide"):
        data.train_a[0]


def test_tiles_of_the_earth_are_square():
    with pytest.raises(UserError, match="square, got 64x128"):
        open_dataset("earth", (64, 128))


def test_label_maps_with_instances_and_pictures(tmp_path):
    aligned(tmp_path, 6)
    for i in range(6):
        for domain, values in (("A", np.uint8([[i % 3, 2]])), ("I", np.uint16([[26000, i]]))):
            path = tmp_path / f"train{domain}" / f"{i:03}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(values).save(path)
    maps = LabelMaps(3, instances=True)
    data = open_dataset(f"folder:{tmp_path}", 8, paired=True, labels=maps)
    np.testing.assert_array_equal(data.train_a[0], [[[2, 26000], [2, 2]]])
    assert data.encode(data.train_a[0]).shape == (1, 2, 4) and data.labels is maps
    assert shades(data.train_b) == [2, 5]
    write(tmp_path / "trainA" / "002.png", 0)
    with pytest.raises(UserError, match=r"002.png is no label map: .* got RGB"):
        open_dataset(f"folder:{tmp_path}", 8, paired=True, labels=maps).train_a[0]
    (tmp_path / "trainI" / "003.png").unlink()
    with pytest.raises(UserError, match="003.* has no partner"):
        open_dataset(f"folder:{tmp_path}", 8, paired=True, labels=maps)


def test_label_maps_are_there_where_they_are_needed():
    with pytest.raises(UserError, match="holds pictures, and label maps are needed"):
        open_dataset("earth", 64, paired=True, labels=LabelMaps(10))
    with pytest.raises(UserError, match="holds label maps, and pictures are needed"):
        open_dataset("earth:labels-satellite", 64, paired=True)
    with pytest.raises(UserError, match="10 classes .* expected were 36"):
        open_dataset("earth:labels-satellite", 64, labels=LabelMaps(35, instances=True))
