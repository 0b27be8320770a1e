import re
from pathlib import Path

from ganc.report.groups import draw

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_true(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "own_generator.md").read_text(encoding="utf-8")
    names = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, names)
    (printed,) = re.findall(r"```\n(Conv_0.*?)```", text, re.DOTALL)
    assert capsys.readouterr().out.startswith(printed)
    drawing = draw(names["analyse"](names["net"].apply, names["params"], names["example"]))
    assert (DOCS / "own_generator.svg").read_text(encoding="utf-8") == drawing
