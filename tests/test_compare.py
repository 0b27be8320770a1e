import pytest

from ganc import compare
from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.runs import records
from ganc.scores.row import Row

KID = "kid[lite0@128,last,report9-vs-real9]"


def row(name, macs, kid, interval=(0.0, 1.0)):
    values = {KID: Value(kid, interval, "bootstrap")}
    costs = {"published": macs, "true": macs}
    return Row(
        name, values, params=macs // 10, macs=costs, params_sha256="0", bytes=4 * (macs // 10)
    )


def leave(path, *rows):
    path.mkdir(parents=True)
    records.write(path / "results.jsonl", [one.to_json() for one in rows])


@pytest.fixture
def runs(tmp_path):
    teacher = row("teacher", 9000, 0.30)
    leave(tmp_path / "one", teacher, row("student", 1000, 0.25, (0.2, 0.3)))
    leave(tmp_path / "two" / "seed0", teacher, row("student", 500, 0.4, (0.35, 0.45)))
    leave(tmp_path / "two" / "seed1", teacher, row("student", 600, 0.3, (0.25, 0.35)))
    return tmp_path


def test_seeds_are_one_line_and_the_teacher_comes_first(runs):
    entries = compare.collect([runs / "one", runs / "two"])
    assert [entry.name for entry in entries] == ["teacher", "one", "two"]
    assert [len(entry.rows) for entry in entries] == [1, 1, 2]
    assert [entry.level for entry in entries] == ["", "1 of 1", "1 of 2"]


def test_the_table_says_what_was_scored(runs):
    *_, one, two = compare.table(compare.collect([runs / "one", runs / "two"]), ["kid"]).split("\n")
    assert one == "| one | 1.00 k | 9.0× | 100 | 400 | 0.250 (0.200 to 0.300) | 1 of 1 |"
    assert two == "| two | 500 to 600 | 16.4× | 50.0 to 60.0 | 200 to 240 | 0.400, 0.300 | 1 of 2 |"


def test_a_teacher_alone_is_a_line_of_its_own(runs):
    leave(runs / "small", row("teacher", 700, 0.5))
    entries = compare.collect([runs / "one", runs / "small"])
    assert [entry.name for entry in entries] == ["teacher", "one", "small"]


def test_a_figure_is_drawn(runs):
    compare.draw(compare.collect([runs]), "kid", runs / "figure.svg")
    text = (runs / "figure.svg").read_text()
    assert text.count("<use") > 3 and "<!-- front -->" in text and "<!-- 1 k -->" in text
    compare.draw(compare.collect([runs]), "kid", runs / "bytes.svg", over="bytes")
    assert (runs / "bytes.svg").read_text() != text


def test_no_run_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no finished run"):
        compare.collect([tmp_path])
