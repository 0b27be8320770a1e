import dataclasses

import pytest

from ganc.compression import plan
from ganc.compression.settings import Compression
from ganc.data.dataset import open_dataset
from ganc.errors import UserError
from ganc.models import resnet
from ganc.search.search import Search
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet

TEACHER = resnet.generator(resnet.Spec(8, 3))
STUDENT = resnet.generator(resnet.Spec(8, 3, separable=True))
SUPERNET = Supernet(STUDENT, parse_space("8/4", STUDENT), (32, 32, 3))


@pytest.mark.parametrize("text", ["", "x", "0x", "nan", "-3", "inf", "3 e9", "1e300", "10y", "0"])
def test_budgets_that_are_none(text):
    with pytest.raises(UserError, match=r"--budget takes multiply-adds such as 3e9, .*such as 10x"):
        plan.parse_budget(text, 10)


def test_a_budget_follows_from_the_teacher_and_the_plan_is_said(capsys):
    data = open_dataset("earth", 32)
    config = plan.settle(Compression(budget="3x", size=32), SUPERNET, TEACHER, data)
    said = " ".join(capsys.readouterr().out.split())
    whole = 3 * config.search.budget
    assert f"the teacher takes {round(whole):,} multiply-adds" in said
    assert f"at most {int(config.search.budget):,}: 3 times fewer" in said
    assert "485,600 + 0 steps, " in said and "on this machine" in said
    assert config.search.fitness == "kid"


def test_a_budget_that_nothing_fits_names_the_flag_and_the_teacher(capsys):
    with pytest.raises(
        UserError, match=r"smallest, 4_4.*; the teacher takes [\d,]+ .*--budget can"
    ):
        config = Compression(budget="1000x")
        plan.settle(config, SUPERNET, TEACHER, open_dataset("earth", 32))


def test_few_pictures_are_scored_by_their_distance_to_the_teacher(capsys):
    data = open_dataset("earth", 32)
    few = dataclasses.replace(data, search_a=[data.search_a[0]] * 9)
    config = Compression(search=Search(budget=1e12))
    assert plan.settle(config, SUPERNET, TEACHER, few).search.fitness == "l1"
    assert "9 pictures to search with" in capsys.readouterr().out
