import warnings

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from ganc.data import files
from ganc.data.dataset import open_dataset
from ganc.data.files import decode, list_pictures
from ganc.data.folder import read_folder
from ganc.data.pictures import Augmentation, stack
from ganc.errors import UserError
from ganc.tasks.cyclegan import unpaired


def fill(directory, count, *, names="{}.png", size=(9, 7)):
    directory.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", size, (i, i, i)).save(directory / names.format(f"{i:03}"))


def shades(pictures):
    return [int(picture[0, 0, 0]) for picture in pictures]


def test_held_out_sets_are_disjoint_and_cover_all(tmp_path):
    fill(tmp_path / "trainA", 30)
    fill(tmp_path / "trainB", 41)
    data = open_dataset(f"folder:{tmp_path}", 8)
    for side, count in (("a", 30), ("b", 41)):
        sets = [shades(getattr(data, f"{part}_{side}")) for part in ("train", "search", "report")]
        assert sorted(sum(sets, [])) == list(range(count))
        assert len(sets[1]) == len(sets[2]) == round(count / 10)
    assert data.augmentation == Augmentation((9, 9), (8, 8), flip=True) and not data.paired
    again = open_dataset(f"folder:{tmp_path}", 8)
    assert shades(again.search_a) == shades(data.search_a)


def test_the_test_set_is_for_the_report_alone(tmp_path):
    for name, count in (("trainA", 20), ("trainB", 3), ("testA", 4), ("testB", 5)):
        fill(tmp_path / name, count)
    data = open_dataset(f"folder:{tmp_path}", 256)
    assert shades(data.report_a) == [0, 1, 2, 3]
    assert len(data.report_b) == 5
    assert sorted(shades(data.train_a) + shades(data.search_a)) == list(range(20))
    assert (len(data.train_b), len(data.search_b)) == (1, 2)
    assert data.augmentation.load == (286, 286)


def test_windows_are_trained_on_and_whole_pictures_are_scored(tmp_path):
    for name in ("trainA", "trainB"):
        fill(tmp_path / name, 9, size=(30, 20))
    data = open_dataset(f"folder:{tmp_path}", (16, 24), crop=(8, 8))
    assert data.augmentation == Augmentation((16, 24), (8, 8), flip=True)
    batch = unpaired(data, 2, seed=0)(0)
    assert batch["a"].shape == batch["b"].shape == (2, 8, 8, 3)
    assert stack(data.report_a, (16, 24)).shape == (2, 16, 24, 3)
    with pytest.raises(UserError, match="--crop 20 does not fit into pictures of 16x24 px"):
        open_dataset(f"folder:{tmp_path}", (16, 24), crop=(20, 20))


def test_at_most_120_are_held_out(tmp_path):
    for name in ("trainA", "trainB"):
        fill(tmp_path / name, 1300, size=(1, 1))
    data = open_dataset(f"folder:{tmp_path}", 8)
    assert (len(data.train_a), len(data.search_a), len(data.report_a)) == (1060, 120, 120)


def test_which_files_are_read(tmp_path):
    fill(tmp_path / "x", 1, names="b{}.PNG")
    for name in ("a.JPeG", "c.webp", "d.jpg", "._d.jpg", "e.gif", "f.txt"):
        picture = Image.new("RGB", (4, 4))
        with (tmp_path / "x" / name).open("wb") as file:
            picture.save(file, {"c.webp": "WEBP"}.get(name, "JPEG"))
    (tmp_path / "x" / "sub.png").mkdir()
    paths = list_pictures(tmp_path / "x")
    assert [path.name for path in paths] == ["a.JPeG", "b000.PNG", "c.webp", "d.jpg"]
    assert all(decode(path).shape == (4, 4, 3) or path.suffix == ".PNG" for path in paths)


@pytest.mark.parametrize(
    "made, message",
    [
        ((), r"there is no folder"),
        (("trainA",), r"has no folder trainB; expected: trainA and trainB"),
        (("other",), r"has no folder trainA and no trainB"),
    ],
)
def test_missing_folders(tmp_path, made, message):
    for name in made:
        fill(tmp_path / "set" / name, 3)
    with pytest.raises(UserError, match=message):
        open_dataset(f"folder:{tmp_path / 'set'}", 8)


def test_an_empty_folder_says_what_is_read(tmp_path):
    fill(tmp_path / "trainA", 3)
    fill(tmp_path / "trainB", 0)
    with pytest.raises(UserError, match=r"trainB holds no picture; read are .jpeg .jpg .png .webp"):
        open_dataset(f"folder:{tmp_path}", 8)


def test_too_few_pictures_to_divide(tmp_path):
    fill(tmp_path / "trainA", 4)
    fill(tmp_path / "trainB", 5)
    with pytest.raises(UserError, match=r"trainA of .* holds 4 usable pictures, at least 5"):
        open_dataset(f"folder:{tmp_path}", 8)
    fill(tmp_path / "testA", 1)
    fill(tmp_path / "testB", 2)
    with pytest.raises(UserError, match=r"beside trainA of .* holds 1 usable pictures, at least 2"):
        open_dataset(f"folder:{tmp_path}", 8)


@pytest.fixture
def damaged(tmp_path):
    """Two folders with a file that is no picture, and one whose end is missing."""
    fill(tmp_path / "trainA", 5)
    fill(tmp_path / "trainB", 5)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    cut = tmp_path / "trainB" / "cut.jpg"
    Image.fromarray(noise).save(cut)
    cut.write_bytes(cut.read_bytes()[:2000])
    (tmp_path / "trainA" / "text.png").write_text("hello")
    return tmp_path


def test_a_bad_header_is_found_at_open(damaged):
    with pytest.raises(UserError, match=r"cannot decode .*trainA.text\.png: not a PNG, JPEG"):
        open_dataset(f"folder:{damaged}", 8)


def test_a_truncated_picture_is_named_when_it_is_asked_for(damaged):
    (damaged / "trainA" / "text.png").unlink()
    pictures, skipped = read_folder(damaged, skip_bad=False)
    assert not skipped
    assert pictures["trainB"][0].shape == (7, 9, 3)
    with pytest.raises(UserError, match=r"cannot decode .*trainB.cut\.jpg: .*truncated"):
        pictures["trainB"][5]


def test_skip_bad_finds_both_at_open(damaged):
    data = open_dataset(f"folder:{damaged}", 8, skip_bad=True)
    assert [name[-8:] for name in data.skipped] == ["text.png", "/cut.jpg"]
    assert len(data.train_a) + len(data.search_a) + len(data.report_a) == 5


def test_nothing_left_after_skipping(tmp_path):
    fill(tmp_path / "trainA", 3)
    (tmp_path / "trainB").mkdir()
    (tmp_path / "trainB" / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"none of the pictures in .*trainB"):
        open_dataset(f"folder:{tmp_path}", 8, skip_bad=True)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    fill(tmp_path / "trainA", 3)
    fill(tmp_path / "trainB", 3)
    for pixels in (10, 60):  # 63 px: beyond twice the limit, where Pillow raises; a warning below
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels)
        with pytest.raises(UserError, match=r"cannot open .*000\.png: .*decompression bomb"):
            open_dataset(f"folder:{tmp_path}", 8)


def corner(image, path, **options):
    image.save(path, **options)
    picture = decode(path)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    return picture[0, 0].tolist()


@pytest.mark.parametrize(
    "mode, colour, expected",
    [
        ("L", 77, [77, 77, 77]),
        ("1", 1, [255, 255, 255]),
        ("LA", (0, 0), [255, 255, 255]),
        ("RGBA", (255, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("RGBA", (0, 0, 0, 128), [127, 127, 127]),
    ],
)
def test_modes_become_rgb_on_white(tmp_path, mode, colour, expected):
    assert corner(Image.new(mode, (3, 2), colour), tmp_path / "x.png") == expected


def test_a_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (3, 2), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert corner(image, tmp_path / "x.png") == [40, 50, 60]
    assert corner(image, tmp_path / "x.png", transparency=1) == [255, 255, 255]
    assert corner(image, tmp_path / "x.png", transparency=b"\xff\x00") == [255, 255, 255]


@pytest.mark.parametrize("grey, expected", [(65535, 255), (0, 0), (257 * 100, 100), (300, 1)])
def test_16_bit_grey_is_scaled(tmp_path, grey, expected):
    image = Image.fromarray(np.full((2, 3), grey, np.uint16))
    assert corner(image, tmp_path / "x.png") == [expected] * 3


def test_cmyk(tmp_path):
    red, green, blue = corner(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), tmp_path / "x.jpg")
    assert red < 20 and green > 200 and blue > 200


def test_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to view
    Image.new("RGB", (6, 2)).save(tmp_path / "x.jpg", exif=exif)
    assert decode(tmp_path / "x.jpg").shape == (6, 2, 3)


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(tmp_path, monkeypatch):
    path = tmp_path / "vast.png"
    Image.new("1", (13_300, 13_300)).save(path)  # 22 kB
    monkeypatch.setattr(files, "_allowed", files.PIXELS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError, match="13,300 x 13,300 pixels, allowed are 64,000,000"):
            files.read_size(path)
        with pytest.raises(UserError, match="--max-pixels"):
            files.decode(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # to be restored
    files.allow_pixels(2 * 10**8)
    assert files.read_size(path) == (13_300, 13_300)
    files.allow_pixels(100)
    with pytest.raises(UserError, match="allowed are 100 "):
        files.read_size(path)


def test_texts_that_unpack_to_megabytes_are_refused(tmp_path):
    path, texts = tmp_path / "texts.png", PngImagePlugin.PngInfo()
    texts.add_text("bomb", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    Image.new("RGB", (8, 8)).save(path, pnginfo=texts)
    with pytest.raises(UserError, match="cannot open .*texts.png"):
        files.read_size(path)
