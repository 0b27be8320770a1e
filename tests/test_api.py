"""`ganc.compress` is the recipes from Python; what the recipes do is tested elsewhere."""

import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

import ganc
from ganc.errors import UserError
from ganc.models import munit, resnet, store
from ganc.recipes import cyclegan_ofa, cyclegan_omgd, cyclegan_slimming, munit_ofa, self_supervised
from ganc.types import Model

GENERATOR = resnet.generator(resnet.Spec(2, 3))
A, B = np.random.default_rng(0).integers(0, 256, (2, 6, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the recipes were asked for; nothing runs."""
    calls = []
    for recipe in (cyclegan_ofa, cyclegan_omgd, cyclegan_slimming, munit_ofa, self_supervised):

        def run(config, workdir, recipe=recipe, **networks):
            calls.append((recipe, config, workdir, networks))
            return []

        monkeypatch.setattr(recipe, "run", run)
    monkeypatch.chdir(tmp_path)
    return calls


def test_importing_the_package_imports_no_jax():
    code = "import ganc, sys; assert 'jax' not in sys.modules; assert 'compress' in dir(ganc)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'compres'"):
        ganc.compres  # noqa: B018


def test_with_nothing_said_it_is_the_default_run(asked):
    run = ganc.compress()
    assert asked == [(cyclegan_ofa, cyclegan_ofa.EARTH64, run.workdir, {})]
    assert str(run.workdir) == "runs/cyclegan_ofa-earth64"
    assert run.report == run.workdir / "report.html" and run.front == ()


def test_words_are_flags(asked):
    ganc.compress("train", "earth:season", budget=2e7, preset="smoke", seed=3, supernet_batch=4)
    (_, config, workdir, _) = asked[0]
    assert (config.teacher, config.data, config.budget) == ("train", "earth:season", "20000000")
    assert (config.seed, config.supernet.batch) == (3, 4)
    assert str(workdir) == "runs/cyclegan_ofa-smoke-season-train"
    ganc.compress("train", method="omgd", workdir="here")
    assert asked[1][0] is cyclegan_omgd and asked[1][1].teacher == "online"
    ganc.compress(method="slimming", budget="9x")
    assert asked[2][0] is cyclegan_slimming and asked[2][1].budget == "9x"
    ganc.compress(method="self_supervised", task="srgan", sparsity=0.75)
    assert asked[3][1].task == "srgan" and asked[3][1].sparsity == 0.75


def test_a_model_and_pictures_from_memory_are_kept_in_the_workdir(asked, random_params, tmp_path):
    model = Model(GENERATOR, random_params(GENERATOR))
    words = {"preset": "smoke", "size": 16}
    run = ganc.compress(model, (A, B), **words)
    assert str(run.workdir) == "runs/cyclegan_ofa-smoke-own-own"
    (_, config, workdir, networks) = asked[0]
    assert config.data == f"folder:{workdir}/given/pictures"
    assert networks == {"teacher": GENERATOR}
    kept = store.load(config.teacher)
    np.testing.assert_array_equal(kept.params["stem"]["kernel"], model.params["stem"]["kernel"])
    ganc.compress((GENERATOR, model.params), (A, B), **words)  # the same: it would go on
    assert asked[1] == asked[0]
    with pytest.raises(UserError, match="other pictures"):
        ganc.compress(model, (B, A), **words)
    with pytest.raises(UserError, match="is another teacher than the given one"):
        ganc.compress(Model(GENERATOR, random_params(GENERATOR, 1)), (A, B), **words)


def test_a_network_of_ones_own_is_its_own_student(asked):
    def apply(params, x):
        return x @ params["one"] @ params["two"]

    params = {"one": np.ones((3, 8), np.float32), "two": np.ones((8, 3), np.float32)}
    generator = ganc.own(apply, params, np.zeros((1, 16, 16, 3), np.float32))
    ganc.compress((generator, params), preset="smoke", workdir="own", budget="2x")
    (_, config, _, networks) = asked[0]
    assert networks == {"teacher": generator, "student": generator}
    assert (config.space, config.distillation) == ("8/7/5/4/3", 0)
    ganc.compress((generator, params), method="self_supervised", preset="smoke", workdir="own")
    assert asked[1][3] == {"teacher": generator}


def test_the_task_follows(asked, random_params, tmp_path):
    small = munit.generator(munit.Spec(2, blocks=2, mlp_dim=4))
    ganc.compress(Model(small, random_params(small)), preset="smoke", workdir="munit")
    assert asked[0][0] is munit_ofa
    with pytest.raises(UserError, match="slimming has no recipe of the task 'pix2pix'"):
        ganc.compress(data="folder:maps?aligned", method="slimming")
    store.save("model", Model(GENERATOR, random_params(GENERATOR)), {"task": "gaugan"})
    with pytest.raises(UserError, match="the task 'gaugan'"):
        ganc.compress("model", method="slimming")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"preset": "smokey"}, "there is no preset 'smokey'; valid are earth64, smoke"),
        ({"supernet_bach": 1}, "there is no setting 'supernet_bach'; did you mean supernet.batch"),
        ({"method": "self_supervised", "budget": "10x"}, "sparsity= says how many"),
        ({"method": "self_supervised", "student": GENERATOR}, "leave out student="),
        ({"teacher": 5}, "teacher takes a Model"),
        ({"teacher": "no/such"}, "there is no such file or directory"),
        ({"seed": -1}, "--seed takes a whole number"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_made(asked, tmp_path, words, said):
    with pytest.raises(UserError, match=said):
        ganc.compress(**words)
    assert not asked and not list(tmp_path.iterdir())


def test_a_notebook_gets_plain_lines_and_no_bar():
    assert not Console(force_jupyter=True).is_terminal  # `runs.console.progress` asks for that
