from pathlib import Path

import pytest

from benchmarks.scaling import Costs, plan, rows

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
TOY = Costs(640, 64, 2.0, generations=3, population=100, candidate=5.0, gradients=8e6, state=1e6)


def test_one_device_does_all_of_it():
    alone = plan(TOY, 1)
    assert (alone.training, alone.search) == (1280.0, 1500.0)
    assert (alone.input, alone.exchange) == (0.5, 0.0)
    assert alone.longest == "search"


def test_eight_share_it():
    eight = plan(TOY, 8)
    assert eight.training == 1280 / 8
    assert eight.search == 3 * 13 * 5  # 100 candidates over eight: thirteen rounds
    assert eight.input == pytest.approx(4.0)
    assert eight.exchange == pytest.approx(2 * 7 / 8 * 8e6 / (0.1 * 16.0))
    assert plan(TOY, 48).training == 1280 / 32  # as many as divide the batch


def test_the_page_has_what_is_computed():
    page = PAGE.read_text(encoding="utf-8")
    for row in rows(Costs()):
        assert "| " + " | ".join(row) + " |" in page, row
