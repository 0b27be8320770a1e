"""Every recipe can be started from a clone, from the command `ganc` and by its method."""

from pathlib import Path

import pytest

from ganc import recipes
from ganc.__main__ import main
from ganc.errors import UserError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def test_every_recipe_is_an_experiment_of_its_name():
    found = {path.stem: path.read_text() for path in EXPERIMENTS.glob("*.py")}
    assert set(found) - {"__init__", "benchmarks"} == set(recipes.names())
    for name in recipes.names():
        assert f'start("{name}")' in found[name]
        about = (recipes.find(name).__doc__ or "").partition("\n")[0]
        assert about and about == recipes.names()[name]
        assert found[name].startswith(f'"""{about}\n')


@pytest.mark.parametrize("argv", [(), ("--help",)])
def test_the_command_lists_them(capfd, argv):
    main(["compress", *argv])
    lines = capfd.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(recipes.names())


def test_the_command_starts_them(capfd, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(["compress", "cyclegan_omgd", "--help"])
    assert not end.value.code
    out = capfd.readouterr().out
    assert out.startswith("usage: ganc compress cyclegan_omgd [--preset") and "shipped64" in out
    flags = ("--preset", "smoke", "--size", "0", "--workdir", str(tmp_path / "run"))
    with pytest.raises(SystemExit) as end:
        main(["compress", "cyclegan_ofa", *flags])
    assert end.value.code == 2
    assert capfd.readouterr().err.startswith("error: --size takes a whole number from 8")


@pytest.mark.parametrize("name", ["nothing", "benchmarks", "--sizes"])
def test_another_name_is_one_line(capfd, name):
    with pytest.raises(SystemExit) as end:
        main(["compress", name])
    assert end.value.code == 2
    assert capfd.readouterr().err.startswith(f"error: there is no recipe {name!r}; valid are cart")


def test_recipes_by_method_and_task():
    assert recipes.find_by("once_for_all", "gaugan").__name__ == "ganc.recipes.gaugan_ofa"
    assert recipes.find_by("self_supervised", "srgan").__name__ == "ganc.recipes.self_supervised"
    with pytest.raises(
        UserError, match="slimming has no recipe of the task 'munit'; it has .*cycl"
    ):
        recipes.find_by("slimming", "munit")
    with pytest.raises(UserError, match="there is no method 'prune'; valid are once_for_all, omgd"):
        recipes.find_by("prune", "cyclegan")
