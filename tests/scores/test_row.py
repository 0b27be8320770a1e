import json

import numpy as np
import pytest

from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.models.flat import params_sha256
from ganc.scores.row import Row, latencies, measure
from ganc.scores.table import print_table
from ganc.types import Model

KID, PSNR = "kid[lite0@8,report3-vs-real3]", "psnr[report3-vs-truth]"
FLOOR = "kid[lite0@8,halves,seed0,real1of3-vs-real1of3]"
VALUES = {
    KID: Value(0.5, (0.25, 0.75), "bootstrap95x10,seed0", {FLOOR: 0.125}),
    PSNR: Value(np.inf),
}


@pytest.fixture
def model(toy, random_params):
    generator = toy(4)
    return Model(generator, random_params(generator), (4, 2))


def test_scores_without_a_model():
    row = Row("input copied", VALUES)
    assert json.loads(json.dumps(row.to_json(), allow_nan=False)) == {
        "name": "input copied",
        "metrics": {KID: 0.5, PSNR: None},
        "intervals": {KID: [0.25, 0.75]},
        "intervals_protocol": "bootstrap95x10,seed0",
        "floors": {KID: {FLOOR: 0.125}},
    }
    assert Row.from_json(row.to_json()) == row
    nothing = Row("x", {"miou[n,a3-vs-labels]": Value(np.nan)})
    assert np.isnan(Row.from_json(nothing.to_json()).metrics["miou[n,a3-vs-labels]"])


def test_a_model_is_measured_by_hand(model):
    row = measure("student", model, (4, 6, 3), VALUES, {"p50": 1.0, "p95": 2.0})
    stem, body, head = 3 * 4 * 9, 4 * 8 * 9, 8 * 3
    assert row.params == stem + 4 + body + 8 + head + 3
    assert row.macs == {"published": 24 * (stem + body + head), "true": 24 * (stem + body + head)}
    assert row.bytes == 4 * row.params
    line = row.to_json()
    assert list(line) == [
        "name", "arch", "params", "bytes", "macs", "latency_ms", "metrics", "intervals",
        "intervals_protocol", "floors", "params_sha256",
    ]  # fmt: skip
    assert line["arch"] == "4_2" and line["latency_ms"] == {"p50": 1.0, "p95": 2.0}
    assert line["params_sha256"] == params_sha256(model.params)
    assert Row.from_json(json.loads(json.dumps(line))) == row
    assert "floors" not in measure("x", model, (4, 6), {}, {}).to_json()
    teacher = measure("teacher", model._replace(arch=None), (4, 6), {}, {})
    assert teacher.to_json()["arch"] is None


def test_a_line_of_an_earlier_run_is_read():
    assert Row.from_json({"name": "real (floor)", "metrics": {KID: 1.0}}) == Row(
        "real (floor)", {KID: Value(1.0)}
    )


def test_latencies_take_any_shape(model):
    times = latencies({"one": model, "other": model}, (4, 6), repeats=3)
    assert list(times) == ["one", "other"]
    assert all(0 < time["p50"] <= time["p95"] for time in times.values())


def test_the_table(model, capsys):
    times = {"p50": 1.5, "p95": 2.25}
    student = measure("student", model, (4, 6), VALUES, times)
    print_table([student, Row("input copied", {KID: Value(0.75)})], "toys")
    printed = capsys.readouterr().out
    for word in ("toys", "student", "parameters, thousands", "1.50", "2.25", "0.5000", "0.7500"):
        assert word in printed
    other = Row("other", {KID.replace("@8", "@9"): Value(0.75)})
    with pytest.raises(UserError, match="cannot be compared"):
        print_table([student, other], "toys")
