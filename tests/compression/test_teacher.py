from types import SimpleNamespace

import pytest

from ganc.compression.teacher import load_teacher
from ganc.errors import UserError

WHOLE = SimpleNamespace(crop=(64, 64))
EARTH = SimpleNamespace(name="earth:satellite-relief", augmentation=WHOLE)


def task(name):
    return SimpleNamespace(name=name)


def test_the_shipped_teacher_of_a_task_is_loaded():
    model = load_teacher("shipped", task("cyclegan"), EARTH, (64, 64, 3))
    assert model.generator.spec.ngf == 24


@pytest.mark.parametrize(("name", "data"), [("munit", EARTH.name), ("cyclegan", "folder:x")])
def test_what_is_not_shipped_is_said_beside_what_is(name, data):
    with pytest.raises(UserError, match=f"no teacher of {name} of {data} .* cyclegan of earth"):
        load_teacher("shipped", task(name), SimpleNamespace(name=data), (64, 64, 3))


def test_pictures_of_a_size_that_it_cannot_take():
    with pytest.raises(UserError, match="multiples of 4"):
        load_teacher("shipped", task("cyclegan"), EARTH, (66, 64, 3))
