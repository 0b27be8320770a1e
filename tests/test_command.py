"""The command `ganc`, in this process."""

import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ganc
from ganc.__main__ import COMMANDS, main
from ganc.models import resnet, store
from ganc.types import Model

ROOT = Path(__file__).parents[1]


def say(capfd, *argv):
    """The exit code, and what was printed."""
    code = 0
    try:
        main(argv)
    except SystemExit as end:
        code = end.code or 0
    return code, *capfd.readouterr()


def test_the_version_is_that_of_the_package(capfd):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ganc.__version__"}
    assert project["project"]["scripts"] == {"ganc": "ganc.__main__:main"}
    assert say(capfd, "--version")[:2] == (0, ganc.__version__ + "\n")


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands_on_one_screen(capfd, argv):
    code, out, _ = say(capfd, *argv)
    assert code == 0 and out.count("\n") < 24
    assert all(f"\n  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capfd, name):
    code, out, _ = say(capfd, name, "--help")
    assert code == 0 and f"usage: ganc {name}" in out


def test_another_command_is_one_line(capfd):
    code, out, error = say(capfd, "trnslate")
    assert (code, out) == (2, "")
    assert error == f"error: there is no command 'trnslate'; valid are {', '.join(COMMANDS)}\n"


def test_half_a_command_is_told_its_other_halves(capfd):
    code, _, error = say(capfd, "export", "tflite")
    assert code == 2 and "no command 'export tflite'; valid are export torch, " in error
    assert "compress" not in error


def test_info(tmp_path, capfd, random_params):
    generator = resnet.generator(resnet.Spec(ngf=2, blocks=3, separable=True))
    model = Model(generator, random_params(generator), (2,) * 8)
    store.save(tmp_path / "model", model, {"shape": [32, 64, 3], "data": "a\nb"})
    code, out, _ = say(capfd, "info", str(tmp_path / "model"))
    assert code == 0 and "2_2_2_2_2_2_2_2" in out and "at 32x64 px" in out
    assert r"a\\nb" in out or r"a\nb" in out
    assert say(capfd, "info", str(tmp_path / "none"))[2].startswith("error: there is no file")
    assert "--size takes" in say(capfd, "info", str(tmp_path / "model"), "--size", "0")[2]


def test_a_reader_that_goes_away_is_no_news():
    code = (
        "from ganc import cli\nwith cli.one_line_errors():\n    for i in range(10**5): print(i)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.wait(60) == 128 + signal.SIGPIPE
    assert process.stderr.read() == ""
    process.stderr.close()
