from html import unescape
from xml.etree import ElementTree

import pytest

from ganc.report.pareto import pareto

SIZE = (760, 420)


def candidate(macs, score, arch="8_8", generation=0):
    macs = {"published": macs, "true": macs // 2}
    return {"arch": arch, "macs": macs, "score": score, "generation": generation}


ROWS = [candidate(10**7 * k, 2.0 - 0.1 * k, f"{k}_{k}", k) for k in range(1, 11)]


def shapes(svg, name):
    """What a class has drawn: the elements that tell something under the pointer."""
    groups = [e for e in ElementTree.fromstring(svg).iter("g") if e.get("class") == name]
    return [e for group in groups for e in group.iter() if e.find("title") is not None]


def test_every_point_says_what_it_is():
    svg = pareto(ROWS, ROWS[:3], "2_2", 5e7, size=SIZE)
    candidates = shapes(svg, "candidate")
    assert len(candidates) == 10 and len(shapes(svg, "optimal")) == 3
    expected = "10_10\nscore 1.000\n100 M MACs (50.0 M true)\ngeneration 10"
    assert candidates[9].findtext("title") == expected
    assert [e.findtext("title")[:3] for e in shapes(svg, "chosen")] == ["2_2"]


def test_cheaper_is_further_left_and_better_is_further_down():
    points = shapes(pareto(ROWS, [], "", None, size=SIZE), "candidate")
    x, y = ([float(point.get(axis)) for point in points] for axis in "xy")
    assert x == sorted(x) and y == sorted(y)
    assert 58 < x[0] and x[-1] < SIZE[0] - 14 and 22 < y[0] and y[-1] < SIZE[1] - 46


def test_later_generations_are_stronger():
    points = shapes(pareto(ROWS, [], "", None, size=SIZE), "candidate")
    strengths = [float(point.get("style").rpartition("fill-opacity: ")[2]) for point in points]
    assert strengths == sorted(strengths) and strengths[0] < strengths[-1]


def test_colours_and_fonts_are_those_of_the_page():
    svg = pareto(ROWS, ROWS[:3], "2_2", 5e7, size=SIZE)
    for name in ("page", "ink", "soft", "line", "student", "dot"):
        assert f"var(--{name})" in svg
    assert "#0" not in svg.replace("url(#", "").replace('href="#', "") and "font-family" not in svg
    assert "<style" not in svg and "://" not in svg


@pytest.mark.parametrize("budget, labels", [(None, []), (5e7, ["budget 50.0 M"])])
def test_a_budget_is_named(budget, labels):
    svg = ElementTree.fromstring(pareto(ROWS, [], "", budget, size=SIZE))
    assert [e.text for e in svg.iter("text") if "budget" in e.text] == labels


@pytest.mark.parametrize("scores", [[1, 1], [0, 0], [-5, 3], [1e-12, 1e-3], [1e-3, 1e12]])
@pytest.mark.parametrize("macs", [[100, 100], [1, 10**12], [30_000_000, 31_000_000]])
def test_any_span_is_drawn(scores, macs):
    rows = [candidate(*pair) for pair in zip(macs, scores, strict=True)]
    points = shapes(pareto(rows, rows, "8_8", 10**9, size=SIZE), "chosen")
    assert len(points) == 1


def test_a_wide_span_is_logarithmic():
    wide = [candidate(10**6, 1.0), candidate(10**9, 0.9)]
    assert "convention, logarithmic" in pareto(wide, [], "", None, size=SIZE)
    assert "logarithmic" not in pareto(wide[:1], [], "", None, size=SIZE)


def test_strings_from_outside_stay_text():
    rows = [candidate(10**6, 1.0, "</title><script>$x^2$")]
    svg = pareto(rows, [], "", None, size=SIZE)
    assert "<script>" not in svg and "<script>$x^2$" in unescape(svg)
