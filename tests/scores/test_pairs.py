import subprocess

import numpy as np
import pytest
from pictures import names, write
from PIL import Image

from ganc.errors import UserError
from ganc.scores.folder import Folder, partners


def folder(path, least=1, **options):
    return Folder.open(path, least=least, why="because", **options)


def test_the_hash_is_that_of_sha256sum(tmp_path):
    write(tmp_path / "a", names(3))
    listed = "cd a && sha256sum 000.png 001.png 002.png | sha256sum"
    done = subprocess.run(["sh", "-c", listed], cwd=tmp_path, capture_output=True, check=True)
    assert folder(tmp_path / "a").sha256 == done.stdout.decode().split()[0]
    (tmp_path / "a" / "000.png").rename(tmp_path / "a" / "003.png")
    assert folder(tmp_path / "a").sha256 != done.stdout.decode().split()[0]


def test_too_few(tmp_path):
    write(tmp_path / "a", names(1))
    with pytest.raises(UserError, match="a holds 1 picture, 2 or more are needed: because"):
        folder(tmp_path / "a", least=2)


@pytest.mark.parametrize(
    "mode, kind", [("L", "is grey"), ("1", "is grey"), ("I;16", "is grey"), ("RGBA", "alpha")]
)
def test_other_colours_are_refused_or_converted(tmp_path, mode, kind):
    write(tmp_path / "a", names(2))
    Image.new(mode, (9, 9)).save(tmp_path / "a" / "x.png")
    with pytest.raises(UserError, match=rf"x.png .*{kind}.*expected RGB; --convert"):
        folder(tmp_path / "a")
    found = folder(tmp_path / "a", convert=True)
    assert found.converted and found.read(2).shape == (9, 9, 3)
    (tmp_path / "a" / "x.png").unlink()
    assert not folder(tmp_path / "a", convert=True).converted


def test_a_palette_is_rgb(tmp_path):
    write(tmp_path / "a", names(1))
    picture = Image.fromarray(np.zeros((9, 9, 3), np.uint8)).convert("P")
    picture.save(tmp_path / "a" / "p.png")
    assert not folder(tmp_path / "a").converted


def test_pairs_are_found_by_name(tmp_path):
    write(tmp_path / "a", ["x.png", "y.png"])
    write(tmp_path / "b", ["y.webp", "x.jpg"])
    assert partners(folder(tmp_path / "a"), folder(tmp_path / "b")) == [0, 1]
    write(tmp_path / "b", ["z.png"])
    with pytest.raises(UserError, match=r"z.png has no partner z.\* in .*a \(2 .*a, 3 .*b\)"):
        partners(folder(tmp_path / "a"), folder(tmp_path / "b"))
    write(tmp_path / "a", ["0.png", "z.png"])
    with pytest.raises(UserError, match=r"0.png has no partner 0.\* in .*b"):
        partners(folder(tmp_path / "a"), folder(tmp_path / "b"))
    write(tmp_path / "a", ["z.webp"])
    with pytest.raises(UserError, match="z.png and z.webp have one name"):
        partners(folder(tmp_path / "a"), folder(tmp_path / "b"))
