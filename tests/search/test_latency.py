import json

import numpy as np
import pytest

from ganc.errors import UserError
from ganc.models import resnet
from ganc.search import latency as tables
from ganc.search.latency import LATENCY, latency_price
from ganc.search.search import Search, check_search, price_of, search
from ganc.search.space import Space
from ganc.search.supernet import Supernet


@pytest.fixture
def supernet(toy):
    generator = toy(4)
    return Supernet(generator, Space(generator.slots, ((4, 2), (4, 3))), (8, 8, 3))


@pytest.fixture
def counted(monkeypatch):
    """Every call takes as many ms as the sum of the widths in its name; whole ones take 100."""
    taken = []

    def latency(calls, *, warmup, repeats):
        taken.append(len(calls))
        for call in calls.values():
            call()  # it runs alone
        return {name: {"p50": _cost(name)} for name in calls}

    monkeypatch.setattr(tables, "latency", latency)
    return taken


def _cost(name):
    widths = name.split()[-1]
    return float(sum(map(int, widths.split(">")))) if ">" in widths else 100.0


def test_an_architecture_takes_the_sum_of_its_layers(supernet, counted, tmp_path, capsys):
    price = latency_price(supernet, tmp_path / LATENCY)
    # The stem at 2 widths, the body at 2 x 2, the head at 2; then whole networks.
    assert counted == [8, tables.WHOLE]
    factor = json.loads((tmp_path / LATENCY).read_text())["factor"]
    for stem, body in supernet.space:
        expected = (3 + stem) + (stem + 2 * body) + (2 * body + 3)
        assert price((stem, body)) == pytest.approx(factor * expected)
    assert "miss whole networks by" in capsys.readouterr().out
    again = latency_price(supernet, tmp_path / LATENCY)
    assert len(counted) == 2 and again((2, 3)) == price((2, 3))  # read, not measured


def test_layers_of_a_mobile_network_run_alone(counted, tmp_path):
    generator = resnet.generator(resnet.Spec(2, 3, separable=True, norm="affine"))
    supernet = Supernet(generator, Space(generator.slots, ((2,),) * 8), (8, 8, 3))
    price = latency_price(supernet, tmp_path / LATENCY)
    assert price(supernet.space.largest) > 0


def test_a_search_within_a_latency(supernet, counted, random_params, tmp_path):
    settings = Search("exhaustive", "latency_ms", budget=1.0, pictures=2, batch=4)
    check_search(supernet, settings)  # nothing is measured yet
    with pytest.raises(UserError, match="budget of 1; the smallest, 2_3, takes"):
        price_of(supernet, settings, tmp_path)
    price = latency_price(supernet, tmp_path / LATENCY)
    settings = Search("exhaustive", "latency_ms", price((4, 3)), pictures=2, batch=4)
    pictures = np.zeros((2, 8, 8, 3), np.float32)
    path = tmp_path / "search.jsonl"
    params = random_params(supernet.generator)
    found = search(supernet, params, pictures, lambda x: 0.0, settings, path=path, seed=0)
    assert {candidate.arch for candidate in found} == {
        arch for arch in supernet.space if price(arch) <= price((4, 3))
    }
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["latency_ms"] for row in rows] == [candidate.cost for candidate in found]


def test_parameters_are_limited(supernet):
    least = supernet.params((2, 3))
    check_search(supernet, Search(limit="params", budget=least))
    with pytest.raises(UserError, match=f"takes {least}"):
        check_search(supernet, Search(limit="params", budget=least - 1))
