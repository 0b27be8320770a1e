"""Students that searched ones are compared with: equal compute, and training without a teacher."""

import dataclasses

import jax
import numpy as np
import pytest

from ganc.compression import alone, plan
from ganc.compression.run import Run
from ganc.compression.settings import Compression, Distillation, Teaching
from ganc.data.dataset import open_dataset
from ganc.errors import UserError
from ganc.metrics import cost
from ganc.models import resnet
from ganc.models.discriminators import PatchSpec, patch
from ganc.runs.workdir import Workdir
from ganc.search.space import parse_space
from ganc.search.supernet import Supernet
from ganc.tasks import cyclegan, pix2pix

ARCH = "8_4_4_5_4_3_4_4"
TEACHER = resnet.generator(resnet.Spec(8, 3))
STUDENT = resnet.generator(resnet.Spec(8, 3, separable=True))
SUPERNET = Supernet(STUDENT, parse_space(ARCH, STUDENT), (32, 32, 3))
STAGE = Distillation(batch=4, constant_steps=100, decay_steps=300)
CONFIG = Compression(
    data="earth",
    size=32,
    train_teacher=Teaching(constant_steps=30, decay_steps=10, batch=2),
    space="8/4",
    arch=ARCH,
    equal_compute=True,
    supernet=STAGE,
    fine_tune=STAGE,
)
JUDGE = patch(PatchSpec(4))


def true(generator, widths):
    return int(cost.macs(generator, 32, 32, "true")(widths))


def test_the_players_of_a_game_are_counted():
    batch = cyclegan.task(JUDGE).batches(open_dataset("earth", 32), 1, 0)(0)
    small, judge = SUPERNET.true_macs(SUPERNET.space.largest), true(JUDGE, {})
    game = alone._played(cyclegan.task(JUDGE), alone.narrowed(SUPERNET), batch)
    # Each generator draws a translation, a picture of its own domain and a reconstruction; each
    # discriminator sees a fake in the generators' turn, then a fake and a real picture.
    assert game == 3 * (6 * small + 6 * judge)
    assert alone._judged(cyclegan.task(JUDGE), batch) == 3 * judge
    pairs = pix2pix.task(patch(PatchSpec(4, channels_in=6)))
    six = true(pairs.discriminator, {})
    assert alone._played(pairs, alone.narrowed(SUPERNET), batch) == 3 * (small + 3 * six)


@pytest.mark.parametrize("pipeline", ["fast", "scratch"])
def test_equal_compute(pipeline, capsys):
    task, data = cyclegan.task(JUDGE), open_dataset("earth", 32)
    config = dataclasses.replace(CONFIG, pipeline=pipeline)
    matched, teaching = alone.match_compute(config, task, data, SUPERNET, TEACHER)
    whole = dataclasses.replace(SUPERNET, space=parse_space("8/4", STUDENT))
    judge = 3 * true(JUDGE, {})
    spent = plan.estimate(dataclasses.replace(config, arch=""), whole, TEACHER, judge)
    small = SUPERNET.true_macs(SUPERNET.space.largest)
    if pipeline == "fast":
        own = plan.estimate(matched, SUPERNET, TEACHER, judge)
        stages = (matched.supernet, matched.fine_tune)
        assert all(stage.steps > 400 for stage in stages)
        assert matched.supernet.constant_steps / matched.supernet.steps == pytest.approx(0.25, 0.01)
    else:
        own = 2 * teaching.training.steps * 3 * 6 * (small + judge / 3)
        assert matched == config
        assert teaching.constant_steps / teaching.training.steps == pytest.approx(0.75, 0.01)
    assert own == pytest.approx(spent, rel=0.01)
    assert f"{spent:.3g}" in capsys.readouterr().out


def test_without_equal_compute_steps_are_those_that_were_asked_for(capsys):
    config = dataclasses.replace(CONFIG, pipeline="scratch", equal_compute=False)
    task, data = cyclegan.task(JUDGE), open_dataset("earth", 32)
    matched, teaching = alone.match_compute(config, task, data, SUPERNET, TEACHER)
    assert matched == config
    assert teaching == config.teaching
    assert "alone, 40 steps of 2 pictures" in capsys.readouterr().out


def test_a_student_alone_has_its_architecture_and_resumes(tmp_path):
    config = dataclasses.replace(CONFIG, pipeline="scratch")
    teaching = dataclasses.replace(config.teaching, constant_steps=1, decay_steps=1)
    task = pix2pix.task(patch(PatchSpec(4, channels_in=6)))
    data = open_dataset("earth", 32)
    run = Run(Workdir(tmp_path, "toy", config), data, task, SUPERNET.shape, 0)
    model = alone.learn_alone(run, SUPERNET, teaching)
    assert model.arch == SUPERNET.space.largest
    expected = STUDENT.init(jax.random.key(0), widths=SUPERNET.space.widths(model.arch))
    shapes = jax.tree.map(np.shape, expected)
    assert jax.tree.map(np.shape, model.params) == shapes
    again = alone.learn_alone(run, SUPERNET, teaching)  # from its last checkpoint
    jax.tree.map(np.testing.assert_array_equal, model.params, again.params)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pipeline": "scratch", "arch": ""}, "--pipeline scratch is for one student"),
        ({"arch": ""}, "--equal-compute is for one student"),
        ({"pipeline": "original"}, "--equal-compute is for --pipeline fast or scratch"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        alone.check_alone(dataclasses.replace(CONFIG, **changes))
