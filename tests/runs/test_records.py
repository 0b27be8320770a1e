import json

import pytest

from ganc.runs import records

ROWS = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25, "note": "a\nb \u2028 é"}]


def test_appends_and_reads(tmp_path):
    path = tmp_path / "log.jsonl"
    assert records.read(path) == []
    for row in ROWS:
        records.append(path, row)
    assert records.read(path) == ROWS
    assert len(path.read_text().splitlines()) == 2


def test_a_last_line_that_a_kill_cut_short_is_left_out(tmp_path):
    path = tmp_path / "log.jsonl"
    records.write(path, ROWS)
    whole = path.read_bytes()
    for cut in range(len(json.dumps(ROWS[0])) + 2, len(whole) - 2):
        path.write_bytes(whole[:cut])
        assert records.read(path) == ROWS[:1]


def test_writing_replaces_everything(tmp_path):
    path = tmp_path / "log.jsonl"
    records.write(path, ROWS)
    records.write(path, ROWS[1:])
    assert records.read(path) == ROWS[1:]
    records.write(path, [])
    assert records.read(path) == [] and path.exists()


def test_a_failing_replacement_leaves_the_old_file(tmp_path):
    path = tmp_path / "log.jsonl"
    records.write(path, ROWS)
    with pytest.raises(TypeError):
        records.write(path, [{"step": object()}])
    assert records.read(path) == ROWS
    records.replace(path, b"{}\n")
    assert path.read_bytes() == b"{}\n"
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]
