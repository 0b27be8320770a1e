import pytest

from ganc.compression.change import change, key
from ganc.compression.settings import Compression, Distillation
from ganc.compression.slimming_settings import Slim
from ganc.errors import UserError
from ganc.search.search import Search

CONFIG = Compression()


@pytest.mark.parametrize("name", ["supernet.batch", "supernet_batch", "--supernet.batch"])
def test_dots_hyphens_and_underscores_are_one(name):
    assert change(CONFIG, {name: 7}).supernet.batch == 7
    assert key(name) == "supernet_batch"


def test_settings_of_groups_are_given_one_by_one_in_part_or_whole():
    deep = change(CONFIG, {"search-evolution-population": 6, "fine_tune": {"constant-steps": 5}})
    assert deep.search.evolution.population == 6 and deep.fine_tune.constant_steps == 5
    whole = Distillation(batch=3)
    assert change(CONFIG, {"supernet": whole}).supernet == whole
    assert CONFIG == Compression() and deep.supernet == CONFIG.supernet


def test_numbers_and_words():
    assert change(Slim(), {"budget": "10x"}).budget == "10x"
    assert change(Slim(), {"budget": 5}).budget == 5
    assert change(CONFIG, {"search": Search(budget=4)}).search.budget == 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"supernet.bach": 1},
            r"there is no setting 'supernet\.bach'; did you mean supernet\.batch",
        ),
        ({"mutation": 0.1}, r"did you mean .*search\.evolution\.mutation"),
        ({"zzz": 1}, "there is no setting 'zzz'; --help all lists them"),
        ({"size": "64"}, "size takes int, got '64'"),
        ({"inherit": 1}, "inherit takes bool, got 1"),
        ({"search.fitness": "fid"}, r"search\.fitness takes kid or fd or l1, got 'fid'"),
        ({"supernet": 4}, "supernet takes Distillation, got 4"),
        ({"size": 7}, "--size takes a whole number from 8 to 4096, got 7"),
        ({"size": 64.5}, "--size takes a whole number"),
        ({"search": {"budget": float("nan")}}, "takes a number from 0"),
    ],
)
def test_what_is_no_setting_and_what_is_no_value(settings, said):
    with pytest.raises(UserError, match=said):
        change(CONFIG, settings)
