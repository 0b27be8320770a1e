from xml.etree import ElementTree

from ganc.report.training import stages

NAN = float("nan")


def test_a_chart_for_each_scalar_of_each_stage():
    rows = [{"stage": "a", "step": k, "x": 4.0 - k, "on": True} for k in range(3)]
    first, second = stages([*rows, {"stage": "b", "step": 7, "y": 1.0, "z": "text"}])
    assert (first.name, first.last, [c.name for c in first.charts]) == ("a", 2, ["x"])
    assert (second.name, second.last, [c.name for c in second.charts]) == ("b", 7, ["y"])
    chart = first.charts[0]
    assert (chart.last, chart.low, chart.high, chart.lost) == ("2.00", "2.00", "4.00", 0)


def test_what_is_zero_throughout_has_no_chart():
    (stage,) = stages([{"step": k, "x": 0.0, "y": float(k)} for k in range(3)])
    assert [chart.name for chart in stage.charts] == ["y"]


def test_what_is_not_finite_is_counted_and_not_drawn():
    ((chart, lost),) = [
        stage.charts for stage in stages([{"step": 1, "x": NAN, "y": NAN}, {"step": 2, "x": 5.0}])
    ]
    assert chart.lost == 1 and chart.last == "5.00" and chart.picture
    assert lost.lost == 1 and lost.last == "" and lost.picture is None


def test_a_curve_fills_its_box_and_stays_small():
    ((chart,),) = [
        stage.charts for stage in stages([{"step": k, "x": (k * 7) % 13} for k in range(5000)])
    ]
    svg = ElementTree.fromstring(chart.picture)
    assert svg.get("preserveAspectRatio") == "none" and svg.get("viewBox") == "0 0 220 64"
    assert len(chart.picture) < 8000 and len(svg.findall(".//path")) == 2
