"""Every numeric flag of every experiment, with what nobody means; no run starts."""

import dataclasses
import importlib
from typing import Annotated

import pytest

from ganc import ranges, recipes
from ganc.compression.launch import launch
from ganc.errors import UserError

NAMES = list(recipes.names())
HUGE = (10**13, 2**63)
NEVER = (float("nan"), float("inf"), -float("inf"))


def numbers(settings, path=()):
    """The paths of all fields that hold numbers."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from numbers(value, (*path, field.name))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield *path, field.name


def changed(settings, path, value):
    name, *rest = path
    if rest:
        value = changed(getattr(settings, name), rest, value)
    return dataclasses.replace(settings, **{name: value})


def refused(settings, path, value):
    """Whether it is, in one line that names the flag and what it takes."""
    try:
        ranges.check(changed(settings, path, value))
    except UserError as error:
        flag = "--" + ".".join(path).replace("_", "-")
        # `Evolution` says it itself.
        assert str(error).startswith(f"{flag} takes ") or path[-2:-1] == ("evolution",)
        assert str(error).isprintable()
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_nobody_means_are_refused(name):
    for preset, config in importlib.import_module(f"ganc.recipes.{name}").PRESETS.items():
        ranges.check(config)  # what is published can be run
        if preset != "smoke":
            continue
        for path in numbers(config):
            old = config
            for part in path:
                old = getattr(old, part)
            for value in (type(old)(-1), *NEVER):
                assert refused(config, path, value), (path, value)
            if isinstance(old, int):
                for value in (*HUGE, 2.5, "8"):
                    assert refused(config, path, value), (path, value)
            refused(config, path, type(old)(0))


ZERO = """ngf ndf batch size aspect blocks feature_size pictures hold every phase lessons
checkpoint_every population favour classes style_dim shortlist""".split()


@pytest.mark.parametrize("name", NAMES)
def test_what_needs_one_or_more_takes_no_0(name):
    config = importlib.import_module(f"ganc.recipes.{name}").PRESETS["smoke"]
    found = [path for path in numbers(config) if path[-1] in ZERO]
    assert len(found) >= 5
    assert all(refused(config, path, 0) for path in found)


@dataclasses.dataclass(frozen=True)
class Base:
    width: Annotated[int, ranges.whole(1, 9, multiple=3)] = 3


@dataclasses.dataclass(frozen=True)
class Config(Base):
    """A toy."""

    width: int = 6
    """of it"""
    share: Annotated[float, ranges.number(0, 1, open=True)] = 0.5
    """of them"""
    seed: int = 0
    """of everything"""


def run(config, workdir):
    raise AssertionError("it started")


def say(capfd, *argv):
    """What the command line says on the way out, and its exit code."""
    with pytest.raises(SystemExit) as end:
        launch("toy", {"toy": Config()}, run, argv)
    out, error = capfd.readouterr()
    return end.value.code, out, error


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--width", "4"), "error: --width takes a multiple of 3 from 1 to 9, got 4"),
        (("--width", "12"), "error: --width takes a multiple of 3 from 1 to 9, got 12"),
        (("--share", "1"), "error: --share takes a number from 0 to below 1, got 1.0"),
        (("--share", "nan"), "error: --share takes a number from 0 to below 1, got nan"),
        (("--seed", "10000000000000"), "error: --seed takes a whole number from 0 to 1e9"),
        (("--seeds", "0"), "error: --seeds takes a whole number from 1 to 1000, got 0"),
        (("--width", "many"), "error: "),
        (("--widht", "3"), "error: "),
        (("--width",), "error: "),
        (("--preset", "a\nb\x1b[2J" + "c" * 10**6), r"error: there is no preset 'a\nb\x1b[2Jccc"),
        (("--share", "0.5" + "\n" * 9 + "x"), "error: "),
    ],
)
def test_one_mistake_is_one_line(flags, said, capfd):
    code, out, error = say(capfd, *flags)
    assert code == 2 and not out
    assert error.startswith(said) and error.count("\n") == 1 and len(error) < 1100
    assert error.rstrip("\n").isprintable() and "│" not in error


def test_help_shows_ranges(capfd):
    code, out, _ = say(capfd, "--help", "all")
    assert code == 0 and "{0..1}" in out


@pytest.mark.parametrize("name", [*NAMES, "benchmarks"])
def test_help_fits_a_screen_and_names_the_rest(name, capfd):
    place = "benchmarks.__main__" if name == "benchmarks" else f"ganc.recipes.{name}"
    module = importlib.import_module(place)
    with pytest.raises(SystemExit) as end:
        launch(name, module.PRESETS, module.run, ["--help"])
    out, config = capfd.readouterr().out, next(iter(module.PRESETS.values()))
    assert not end.value.code and out.count("\n") <= 36 and max(map(len, out.splitlines())) <= 100
    for field in dataclasses.fields(config):
        assert field.name.replace("_", "-") in out


def test_help_of_a_group(capfd):
    module = importlib.import_module("ganc.recipes.cyclegan_ofa")
    with pytest.raises(SystemExit):
        launch("cyclegan_ofa", module.PRESETS, module.run, ["--help", "fine-tune"])
    out = capfd.readouterr().out
    assert "--fine-tune.batch {1..4096}" in out and "--supernet" not in out
    code, _, error = say(capfd, "--help", "nothing")
    assert code == 2 and "valid are all" in error
