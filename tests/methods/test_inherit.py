import jax
import numpy as np
import pytest

from ganc import channels
from ganc.errors import UserError
from ganc.methods.inherit import inherit
from ganc.models import resnet
from ganc.types import Model


def dense(random_params, ngf=4, **options):
    generator = resnet.generator(resnet.Spec(ngf, 3, **options))
    return Model(generator, random_params(generator, seed=1))


def test_a_dense_student_that_takes_everything_draws_what_its_teacher_draws(random_params, key):
    teacher = dense(random_params)
    student = resnet.generator(resnet.Spec(4, 3))
    params, taken = inherit(student, random_params(student, seed=2), teacher)
    x = jax.random.uniform(key, (1, 8, 8, 3), minval=-1)
    ours, theirs = student.apply(params, x).image, teacher.generator.apply(teacher.params, x).image
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    ranks = channels.importance(params, student.axes)
    assert all(np.all(np.diff(values) <= 1e-9) for values in ranks.values())
    assert "block0/conv1/kernel" in taken


def test_a_mobile_student_takes_all_but_the_blocks(random_params):
    teacher = dense(random_params)
    student = resnet.generator(resnet.Spec(4, 3, separable=True))
    before = random_params(student, seed=2)
    params, taken = inherit(student, before, teacher)
    assert {path.split("/")[0] for path in taken} == {
        "stem",
        "down1",
        "down2",
        "up1",
        "up2",
        "head",
    }
    assert params["block0"] == before["block0"]
    best = np.argsort(-channels.importance(teacher.params, teacher.generator.axes)["stem"])[0]
    np.testing.assert_array_equal(
        params["stem"]["kernel"][..., 0], teacher.params["stem"]["kernel"][..., best]
    )


def test_a_narrower_student_takes_the_most_important_channels(random_params):
    teacher = dense(random_params, ngf=6)
    student = resnet.generator(resnet.Spec(4, 3))
    params, _ = inherit(student, random_params(student, seed=2), teacher)
    ranks = channels.importance(teacher.params, teacher.generator.axes)["stem"]
    order = np.argsort(-ranks)[:4]
    np.testing.assert_array_equal(
        params["stem"]["kernel"], teacher.params["stem"]["kernel"][..., order]
    )


def test_a_student_that_can_take_nothing_is_told_so(random_params):
    student = resnet.generator(resnet.Spec(8, 3))
    with pytest.raises(UserError, match="cannot start from its teacher"):
        inherit(student, random_params(student), dense(random_params))
