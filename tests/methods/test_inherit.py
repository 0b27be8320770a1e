import jax
import numpy as np
import optax

from ganc import channels
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods.inherit import inherit
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.tasks import cyclegan
from ganc.types import Model


def dense(random_params, ngf=4, **options):
    generator = resnet.generator(resnet.Spec(ngf, 3, **options))
    return Model(generator, random_params(generator, seed=1))


def test_a_dense_student_that_takes_everything_draws_what_its_teacher_draws(random_params, key):
    teacher = dense(random_params)
    student = resnet.generator(resnet.Spec(4, 3))
    params = inherit(student, teacher)
    x = jax.random.uniform(key, (1, 8, 8, 3), minval=-1)
    ours, theirs = student.apply(params, x).image, teacher.generator.apply(teacher.params, x).image
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    ranks = channels.importance(params, student.axes)
    assert all(np.all(np.diff(values) <= 1e-9) for values in ranks.values())


def test_a_mobile_student_takes_all_but_the_blocks(random_params):
    teacher = dense(random_params)
    params = inherit(resnet.generator(resnet.Spec(4, 3, separable=True)), teacher)
    assert set(params) == {"stem", "down1", "down2", "up1", "up2", "head"}
    best = np.argsort(-channels.importance(teacher.params, teacher.generator.axes)["stem"])[0]
    np.testing.assert_array_equal(
        params["stem"]["kernel"][..., 0], teacher.params["stem"]["kernel"][..., best]
    )


def test_a_narrower_student_takes_the_most_important_channels(random_params):
    teacher = dense(random_params, ngf=6)
    student = resnet.generator(resnet.Spec(4, 3))
    params = inherit(student, teacher)
    ranks = channels.importance(teacher.params, teacher.generator.axes)["stem"]
    order = np.argsort(-ranks)[:4]
    np.testing.assert_array_equal(
        params["stem"]["kernel"], teacher.params["stem"]["kernel"][..., order]
    )


def test_of_a_narrower_teacher_nothing_is_taken(random_params):
    student = resnet.generator(resnet.Spec(8, 3))
    assert inherit(student, dense(random_params)) == {}


def test_a_supernet_starts_from_what_it_takes(random_params, key):
    teacher = dense(random_params)
    student = resnet.generator(resnet.Spec(4, 3, separable=True))
    start = inherit(student, teacher)
    task = cyclegan.task(patch(PatchSpec(4)))
    method = ofa.OnceForAll(task, student, teacher.generator, Distil(0.0))
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.1))
    state = ofa.init(method, key, optimizers, average=0.9, start=start)
    for params in (state.params["generator"], state.extra["average"]):
        np.testing.assert_array_equal(params["student"]["head"]["kernel"], start["head"]["kernel"])
        assert "block0" in params["student"]
