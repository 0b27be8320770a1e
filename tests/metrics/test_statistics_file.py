import numpy as np
import pytest

from ganc.errors import UserError
from ganc.metrics import statistics
from ganc.metrics.frechet import frechet_distance
from ganc.metrics.moments import Moments
from ganc.metrics.statistics import Statistics

ROWS = np.random.default_rng(0).normal(size=(40, 6))


def of(rows, protocol="lite0@8"):
    return Statistics.from_moments(Moments.from_rows(rows), protocol, "ab" * 32)


def test_a_file_comes_back(tmp_path):
    statistics.save(tmp_path / "b.npz", of(ROWS))
    found = statistics.load(tmp_path / "b.npz")
    assert (found.n, found.protocol, found.sha256) == (40, "lite0@8", "ab" * 32)
    assert (found.mu == of(ROWS).mu).all() and (found.sigma == of(ROWS).sigma).all()
    with np.load(tmp_path / "b.npz") as file:  # as pytorch-fid reads it
        np.testing.assert_allclose(file["sigma"], np.cov(ROWS, rowvar=False))


def test_a_file_of_pytorch_fid(tmp_path):
    np.savez_compressed(tmp_path / "b.npz", mu=ROWS.mean(0), sigma=np.cov(ROWS, rowvar=False))
    found = statistics.load(tmp_path / "b.npz")
    assert (found.n, found.protocol, found.sha256) == (0, "", "")
    other = ROWS[::2] + 1
    assert found.distance(of(other)) == pytest.approx(frechet_distance(ROWS, other), rel=1e-9)


def test_other_features_are_refused():
    with pytest.raises(UserError, match="lite0@8 cannot be compared with lite0@16"):
        of(ROWS).distance(of(ROWS, "lite0@16"))
    with pytest.raises(UserError, match="6 features cannot be compared with 5"):
        of(ROWS).distance(of(ROWS[:, 1:]))


def damage(path, kind):
    whole = path.read_bytes()
    if kind == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "text":
        path.write_text("mu, sigma")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "array":
        with path.open("wb") as file:
            np.save(file, ROWS)
    elif kind == "names":
        np.savez(path, a=ROWS)
    elif kind == "pickle":
        np.savez(path, mu=np.array([{}], dtype=object), sigma=ROWS)
    elif kind == "shape":
        np.savez(path, mu=ROWS[0], sigma=ROWS)
    elif kind == "nan":
        np.savez(path, mu=ROWS[0] * np.nan, sigma=np.eye(6))
    elif kind == "flipped":
        path.write_bytes(whole[:200] + b"\xff" * 200 + whole[400:])


@pytest.mark.parametrize(
    "kind", ["cut", "text", "empty", "array", "names", "pickle", "shape", "nan", "flipped"]
)
def test_a_damaged_file_costs_one_line(tmp_path, kind):
    path = tmp_path / "b.npz"
    statistics.save(path, of(ROWS))
    damage(path, kind)
    with pytest.raises(UserError, match="b.npz") as error:
        statistics.load(path)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        statistics.load(tmp_path / "b.npz")
    with pytest.raises(UserError, match="cannot write"):
        statistics.save(tmp_path / "no" / "b.npz", of(ROWS))
