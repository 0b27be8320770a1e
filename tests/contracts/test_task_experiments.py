"""The experiments of MUNIT and GauGAN run end to end from the command line."""

from pathlib import Path

import pytest
from programs import check_left, check_same, compilation_cache, finish, kill_at, rows, steps

from ganc.models import store

assert compilation_cache  # a fixture of this file too


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> Path:
    """A run from label maps."""
    workdir = tmp_path_factory.mktemp("runs") / "labels"
    finish("gaugan_ofa", "--preset", "smoke", "--workdir", str(workdir))
    return workdir


@pytest.fixture(scope="module")
def styles(tmp_path_factory) -> Path:
    """A run of networks that draw in many styles."""
    workdir = tmp_path_factory.mktemp("runs") / "styles"
    finish("munit_ofa", "--preset", "smoke", "--workdir", str(workdir))
    return workdir


@pytest.mark.parametrize(("run", "entries"), [("labels", 8), ("styles", 6)])
def test_a_run_leaves_what_it_promises(run, entries, request):
    check_left(request.getfixturevalue(run), entries)


def test_what_other_teachers_leave(labels, styles):
    judge, _ = store.load_discriminator(labels / "discriminator")
    assert judge.channels_in == 13  # ten classes and the picture
    assert store.load(labels / "teacher").generator.channels_in == 10
    assert (styles / "teacher_back").exists()  # both directions


@pytest.mark.parametrize(("run", "name"), [("labels", "gaugan_omgd"), ("styles", "munit_omgd")])
def test_their_teachers_teach_offline(run, name, request, tmp_path):
    """Online both are composed of what `test_steps` and `test_omgd_styles` hold."""
    before, workdir = request.getfixturevalue(run), tmp_path / "run"
    flags = ("--preset", "smoke", "--teacher", str(before), "--workdir", str(workdir))
    assert "offline: 4 of 4, channels " in finish(name, *flags)
    found = rows(workdir)
    assert list(found) == ["teacher", "student"]
    assert found["teacher"]["params_sha256"] == rows(before)["teacher"]["params_sha256"]
    assert found["student"]["features"] == "lite0"
    assert (workdir / "samples.png").exists() and (workdir / "report.html").exists()


def test_kills_do_not_change_a_bit(labels, tmp_path):
    """Here with running statistics; the resumption of MUNIT's runs is the same code."""
    workdir = tmp_path / "killed"
    flags = ("--preset", "smoke", "--workdir", str(workdir))
    kill_at("gaugan_ofa", flags, [lambda: steps(workdir, "supernet") >= 1])
    finish("gaugan_ofa", *flags)
    check_same(labels, workdir)
