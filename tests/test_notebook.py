import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ganc import notebook
from ganc.compression.command import called, command
from ganc.compression.onlooker import seen
from ganc.errors import UserError
from ganc.types import Model

COLAB = Path(__file__).parents[1] / "colab"


@pytest.mark.parametrize("path", sorted(COLAB.glob("*.ipynb")), ids=lambda path: path.name)
def test_cells_are_python(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            magics = [line.lstrip().startswith(("%", "!")) for line in lines]
            whole = [
                line.replace(line.lstrip(), "pass") if magic else line
                for line, magic in zip(lines, magics, strict=True)
            ]
            compile("\n".join(whole), path.name, "exec")


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
