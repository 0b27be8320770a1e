from types import SimpleNamespace

import pytest

from ganc.compression.teacher import load_teacher
from ganc.errors import UserError
from ganc.recipes import munit_ofa, munit_teacher

WHOLE = SimpleNamespace(crop=(64, 64))
EARTH = SimpleNamespace(name="earth:satellite-relief", augmentation=WHOLE)


def task(name):
    return SimpleNamespace(name=name)


def test_the_shipped_teacher_of_a_task_is_loaded():
    model = load_teacher("shipped", task("cyclegan"), EARTH, (64, 64, 3))
    assert model.generator.spec.ngf == 24


def test_the_shipped_teacher_of_styles_is_the_one_that_its_preset_describes():
    """Or students would take other styles than it, and have other contents."""
    config = munit_ofa.EARTH64
    data = SimpleNamespace(name=config.data, augmentation=WHOLE)
    spec = load_teacher(config.teacher, task("munit"), data, (64, 64, 3)).generator.spec
    assert spec == munit_teacher.spec(config.train_teacher, config.train_teacher.ngf)


@pytest.mark.parametrize(("name", "data"), [("munit", EARTH.name), ("cyclegan", "folder:x")])
def test_what_is_not_shipped_is_said_beside_what_is(name, data):
    with pytest.raises(UserError, match=f"no teacher of {name} of {data} .* cyclegan of earth"):
        load_teacher("shipped", task(name), SimpleNamespace(name=data), (64, 64, 3))


def test_pictures_of_a_size_that_it_cannot_take():
    with pytest.raises(UserError, match="multiples of 4"):
        load_teacher("shipped", task("cyclegan"), EARTH, (66, 64, 3))
