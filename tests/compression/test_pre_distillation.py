import dataclasses
from types import SimpleNamespace

import chex
import numpy as np
import pytest

from ganc.compression.pre_distillation import JUDGE, check_teacher, keep_judge, pre_distil
from ganc.compression.settings import Compression, Distillation
from ganc.compression.specialise import Student
from ganc.errors import UserError
from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods.inherit import inherit, rank
from ganc.models import resnet, store
from ganc.models.discriminators import PatchSpec, patch
from ganc.search.space import Space
from ganc.search.supernet import Supernet
from ganc.tasks import cyclegan
from ganc.types import Model

TASK = cyclegan.task(patch(PatchSpec(4)))
STUDENT = resnet.generator(resnet.Spec(2, 3, separable=True))
NONE = Distillation(constant_steps=0, decay_steps=0)
CONFIG = Compression(pipeline="original", pre_distillation=NONE)


def mobile(ngf=3, **options):
    return resnet.generator(resnet.Spec(ngf, 3, **options))


def test_a_dense_or_a_narrow_teacher_is_refused():
    with pytest.raises(UserError, match="takes a mobile teacher .* no block0/conv1_depthwise"):
        check_teacher(CONFIG, TASK, STUDENT, mobile())
    with pytest.raises(UserError, match="has 4 channels in .*, the student 8; .* smaller --ngf"):
        check_teacher(CONFIG, TASK, STUDENT, mobile(1, separable=True))
    check_teacher(CONFIG, TASK, STUDENT, mobile(separable=True))


def test_a_discriminator_of_another_width_is_refused(tmp_path, random_params):
    other = patch(PatchSpec(8))
    store.save_discriminator(tmp_path / JUDGE, other, random_params(other), {})
    config = dataclasses.replace(CONFIG, teacher=str(tmp_path))
    with pytest.raises(UserError, match="--ndf must be that of the teacher's training"):
        check_teacher(config, TASK, STUDENT, mobile(separable=True))


def test_the_student_begins_with_its_teachers_channels_and_discriminator(tmp_path, random_params):
    generator = mobile(separable=True)
    teacher, judge = Model(generator, random_params(generator)), random_params(TASK.discriminator)
    store.save_discriminator(tmp_path / "given" / JUDGE, TASK.discriminator, judge, {})
    work = SimpleNamespace(path=tmp_path / "run")
    trained = []

    def train(name, make_step, state, stage, seed):
        trained.append((name, stage.steps))
        return state

    run = SimpleNamespace(
        work=work, task=TASK, data=SimpleNamespace(name="toy"), seed=0, train=train
    )
    keep_judge(run, str(tmp_path / "given"))
    method = ofa.OnceForAll(TASK, STUDENT, generator, Distil(0.0))
    space = Space(STUDENT.slots, ((2, 1),) * 8)
    players = Student(run, method, Supernet(STUDENT, space, (8, 8, 3)), teacher)
    state = pre_distil(players, CONFIG)
    assert trained == [("pre_distillation", 0)]
    chex.assert_trees_all_equal(
        state.params["generator"]["student"], inherit(STUDENT, teacher, rank)
    )
    chex.assert_trees_all_equal(state.params["discriminator"], judge)
    # The supernet goes on with both.
    on = players.go_on(state, dataclasses.replace(NONE, average=0.5))
    np.testing.assert_array_equal(
        on.extra["average"]["student"]["stem"]["kernel"],
        state.params["generator"]["student"]["stem"]["kernel"],
    )
    chex.assert_trees_all_equal(on.params["discriminator"], judge)
