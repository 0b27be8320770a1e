import numpy as np
import pytest

from ganc.data.dataset import open_dataset
from ganc.data.labels import LabelMaps
from ganc.data.writing import write_folder
from ganc.errors import UserError

RNG = np.random.default_rng(0)
A, B = RNG.integers(0, 256, (2, 6, 12, 10, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        (A, B),
        ([*A], iter(B)),
        {"trainA": A, "trainB": [B[:2], *B[2:]]},
        [(A[:4], B[:4]), (A[4:], B[4:])],  # a loader of batches
        ((a, b) for a, b in zip(A, B, strict=True)),
    ],
)
def test_pictures_come_back_as_they_were(tmp_path, data):
    write_folder(tmp_path / "pictures", data)
    found = open_dataset(f"folder:{tmp_path / 'pictures'}", 8)
    sets = (found.train_a, found.search_a, found.report_a)
    read = sorted(picture.tobytes() for some in sets for picture in some)
    assert read == sorted(picture.tobytes() for picture in A)


def test_the_same_pictures_stay_and_others_are_refused(tmp_path):
    write_folder(tmp_path, (A, B))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    write_folder(tmp_path, [(A, B)])
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    with pytest.raises(UserError, match=r"other pictures than those given: .*'trainA': 6"):
        write_folder(tmp_path, (A, B[::-1]))


def test_what_a_kill_left_is_written_again(tmp_path):
    (tmp_path / "trainA").mkdir()
    (tmp_path / "trainA" / "000007.png").write_bytes(b"half")
    write_folder(tmp_path, (A, B))
    assert len(list((tmp_path / "trainA").iterdir())) == 6


def test_label_maps_and_their_instances(tmp_path):
    maps = RNG.integers(0, 4, (6, 12, 10), dtype=np.uint8)
    write_folder(tmp_path, {"trainA": maps, "trainB": B, "trainI": maps.astype(np.uint16) * 300})
    labels = LabelMaps(4, instances=True)
    found = open_dataset(f"folder:{tmp_path}", 8, paired=True, labels=labels)
    read = {np.asarray(each)[..., 0].tobytes() for each in found.train_a}
    assert read <= {each.astype(np.int32).tobytes() for each in maps}
    assert found.train_a[0][..., 1].max() == 900


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            (A / 255, B),
            r"trainA: expected pictures as uint8 \(h w 3\).*; got float64 \(12, 10, 3\)",
        ),
        ((A, np.moveaxis(B, 3, 1)), r"trainB: expected .*; got uint8 \(3, 12, 10\)"),
        ({"A": A, "trainB": B}, "pictures are those of trainA, trainB, .*; got 'A'"),
        ((A, []), "no pictures for trainB"),
        ([A, B, A], r"a loader yields \(a, b\)"),
        ({"trainA": A[:, :0], "trainB": B}, "expected pictures"),
    ],
)
def test_what_is_no_pictures(tmp_path, data, said):
    with pytest.raises(UserError, match=said):
        write_folder(tmp_path / "new", data)
    assert not (tmp_path / "new").exists()
