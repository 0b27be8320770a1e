import numpy as np
import pytest

from ganc.errors import UserError
from ganc.runs import records
from ganc.search.evolution import Evolution
from ganc.search.search import Search, check_search, search
from ganc.search.space import Space, encode
from ganc.search.supernet import Supernet

SETTINGS = Search(
    budget=15_000, pictures=2, batch=4, evolution=Evolution(population=6, generations=3)
)


@pytest.fixture
def supernet(toy):
    generator = toy(4)
    return Supernet(generator, Space(generator.slots, ((4, 3, 2, 1), (4, 3, 2, 1))), (8, 8, 3))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)


def by_mean(images):
    return float(np.abs(np.asarray(images)).mean())


class Killed(Exception):
    """Stands for SIGKILL."""


@pytest.mark.parametrize("strategy", ["evolution", "exhaustive"])
def test_everything_is_scored_within_the_budget(
    supernet, pictures, random_params, tmp_path, strategy
):
    settings = Search(
        strategy, budget=SETTINGS.budget, pictures=2, batch=4, evolution=SETTINGS.evolution
    )
    params = random_params(supernet.generator)
    path = tmp_path / "search.jsonl"
    asked = []

    def check(programs):
        asked.extend(programs)
        assert not path.exists()  # nothing was scored yet

    found = search(supernet, params, pictures, by_mean, settings, path=path, seed=0, check=check)
    assert len(asked) == 1
    rows = records.read(path)
    assert [row["arch"] for row in rows] == [encode(c.arch) for c in found]
    for candidate, row in zip(found, rows, strict=True):
        assert candidate.cost == row["macs"]["published"] == supernet.macs(candidate.arch) <= 15_000
        assert row["macs"]["true"] == supernet.true_macs(candidate.arch)
        assert row["score"] == candidate.score
    affordable = [arch for arch in supernet.space if supernet.macs(arch) <= 15_000]
    assert 1 < len(found) <= len(affordable) < supernet.space.size
    if strategy == "exhaustive":
        assert len(found) == len(affordable)


def test_a_search_that_was_cut_off_ends_with_the_same_file(
    supernet, pictures, random_params, tmp_path, capsys
):
    params = random_params(supernet.generator)

    def run(name, score=by_mean):
        return search(supernet, params, pictures, score, SETTINGS, path=tmp_path / name, seed=5)

    whole, calls = run("whole"), []

    def dying(images):
        calls.append(images)
        if len(calls) == len(whole):  # in the last generation that meets anything new
            raise Killed
        return by_mean(images)

    with pytest.raises(Killed):
        run("cut", dying)
    before = len(records.read(tmp_path / "cut"))
    assert 0 < before < len(whole)
    calls.clear()

    def counting(images):
        calls.append(images)
        return by_mean(images)

    assert run("cut", counting) == whole
    assert len(calls) == len(whole) - before  # nothing is scored twice
    assert (tmp_path / "cut").read_text() == (tmp_path / "whole").read_text()
    assert f"{before} candidates were scored before" in capsys.readouterr().out


def test_a_budget_that_nothing_fits_is_refused_before_training(supernet):
    with pytest.raises(UserError, match="the smallest, 1_1, takes"):
        check_search(supernet, Search(budget=10))


def test_the_cut_out_subnet_draws_what_the_masked_supernet_draws(supernet, pictures, random_params):
    params = random_params(supernet.generator)
    assert supernet.masked_minus_sliced(params, (2, 3), pictures) < 1e-5
    model = supernet.cut(params, (2, 3))
    assert model.arch == (2, 3)
    assert model.params["body"]["kernel"].shape == (3, 3, 2, 6)
