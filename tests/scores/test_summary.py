import dataclasses

import jax
import numpy as np
import pytest
from pictures import names, write

from ganc.data.pictures import to_float
from ganc.errors import UserError
from ganc.features import lite0
from ganc.metrics.moments import Moments
from ganc.scores import extractor, summary
from ganc.scores.extractor import Extractor
from ganc.scores.folder import Folder
from ganc.scores.summary import summarise


def folder(path):
    return Folder.open(path, least=1, why="").pictures("some")


def toy(calls=None):
    """The mean colour of the upper left, twice."""
    calls = [] if calls is None else calls

    def network(params, x):
        calls.append(x.shape)
        return params * x.mean(axis=(1, 2))

    return Extractor("toy@4", "fd", np.float32(2), lambda p: to_float(p[:4, :4]), jax.jit(network))


def test_pictures_of_any_size_are_one_compilation(tmp_path):
    write(tmp_path / "a", names(5))
    write(tmp_path / "a", ["wide.png", "x.png"], shape=(9, 40, 3))
    calls, seen, pictures = [], [], folder(tmp_path / "a")
    parts = list(dataclasses.replace(toy(calls), batch=4)(pictures.read, 7))
    assert calls == [(4, 4, 4, 3)] and [len(part) for part in parts] == [4, 3]
    expected = [2 * to_float(pictures.read(i)[:4, :4]).mean(axis=(0, 1)) for i in range(7)]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)
    found = summarise(pictures, toy(), tick=seen.append)
    np.testing.assert_allclose(found.rows, expected, atol=1e-6)
    assert found.n == sum(seen) == 7 and found.moments is None


def test_large_folders_keep_moments_and_a_sample(tmp_path, monkeypatch):
    pictures = folder(write(tmp_path / "a", names(45)))
    everything = summarise(pictures, toy())
    monkeypatch.setattr(summary, "ROWS", 12)
    found = summarise(pictures, toy(), cache=tmp_path / "cache")
    assert found.n == 45 and len(found.rows) == 12
    places = np.linspace(0, 44, num=12).round().astype(int)
    assert np.array_equal(found.rows, everything.rows[places])
    whole = Moments.from_rows(everything.rows)
    np.testing.assert_allclose(found.all_moments().scatter, whole.scatter, rtol=1e-10, atol=1e-12)
    again = summarise(pictures, toy(), cache=tmp_path / "cache")
    assert np.array_equal(again.all_moments().scatter, found.all_moments().scatter)


def test_the_cache(tmp_path):
    pictures = folder(write(tmp_path / "a", names(3)))
    calls = []
    first = summarise(pictures, toy(calls), cache=tmp_path / "cache")
    again = summarise(pictures, toy(calls), cache=tmp_path / "cache")
    assert len(calls) == 1 and np.array_equal(first.rows, again.rows)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:-30])  # damaged: computed anew
    assert np.array_equal(
        summarise(pictures, toy(calls), cache=tmp_path / "cache").rows, first.rows
    )
    assert len(calls) == 2
    write(tmp_path / "a", names(1), shift=9)  # another picture of the same name
    other = summarise(folder(tmp_path / "a"), toy(), cache=tmp_path / "cache")
    assert not np.array_equal(other.rows, first.rows)
    (tmp_path / "file").write_text("")
    assert summarise(pictures, toy(), cache=tmp_path / "file" / "x").n == 3


def test_a_picture_that_cannot_be_decoded(tmp_path):
    write(tmp_path / "a", names(3))
    whole = (tmp_path / "a" / "001.png").read_bytes()
    (tmp_path / "a" / "001.png").write_bytes(whole[:-40])
    with pytest.raises(UserError, match="cannot decode .*001.png"):
        summarise(folder(tmp_path / "a"), toy())


@pytest.mark.parametrize("shape", [(32, 32, 3), (50, 70, 3), (20, 40, 3)])
def test_pillow_resizes_as_the_network_would(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    expected = jax.image.resize(to_float(picture), (32, 32, 3), "bilinear", antialias=True)
    np.testing.assert_allclose(extractor.lite0_extractor(32).prepare(picture), expected, atol=2e-6)


def test_lite0_sees_what_the_reports_see(tmp_path):
    pictures = folder(write(tmp_path / "a", names(3), shape=(40, 36, 3)))
    found = summarise(pictures, extractor.lite0_extractor(32)).rows
    stacked = to_float(np.stack([pictures.read(i) for i in range(3)]))
    np.testing.assert_allclose(found, lite0.extract(lite0.load(), stacked, size=32), atol=1e-4)
    with pytest.raises(UserError, match="32 px or more, got 31"):
        extractor.lite0_extractor(31)
