"""OMGD of networks that draw in many styles, whose game draws in others than the student."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganc.features.perceptual import Perceptual
from ganc.losses.channel_distillation import ChannelDistil
from ganc.losses.imitation import Imitation
from ganc.methods import omgd, omgd_step
from ganc.models import discriminators, munit
from ganc.tasks import munit as task_of

SPEC = munit.Spec(ngf=2, blocks=2, style_dim=2, mlp_dim=4)
SHAPE = (16, 16, 3)


def maps(params, x):
    fine = x @ params
    return fine, fine[:, ::2, ::2] ** 2


@pytest.fixture(scope="module")
def method():
    judge = discriminators.patch(discriminators.PatchSpec(ndf=2, layers=1))
    task, generator = task_of.task(judge, style_dim=2), munit.generator(SPEC)
    weights = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    return omgd.Omgd(
        task=task,
        student=generator,
        teachers={"wider": generator},
        perceptual=Perceptual("toy", weights, maps),
        imitation=Imitation(style=1.0),
        channels=ChannelDistil(1.0, plain=("style",)),
        games={"wider": task.play(generator)},
    )


def test_student_and_teacher_draw_in_the_same_styles(method, random_params):
    """One that is its teacher has nothing to learn, be its styles drawn or encoded."""
    optimizers = dict.fromkeys(method.roles, optax.sgd(0.0))
    state = omgd.init(method, jax.random.key(0), optimizers, SHAPE)
    same, other = random_params(method.student, 1, 0.3), random_params(method.student, 2, 0.3)
    teacher = {"wider": state.params["teacher"]["wider"] | {"ab": same}}
    parts, frozen = omgd_step.make_parts(method, optimizers), omgd.freeze(method)
    rng = np.random.default_rng(0)
    pictures = {d: rng.uniform(-1, 1, (2, *SHAPE)).astype(np.float32) for d in "ab"}

    @jax.jit
    def compare(student, encoded):  # as `make_turn` does, whose gradients nobody wants here
        key, batch = jax.random.key(1), pictures | {"encoded": jnp.full(2, encoded)}
        inputs = method.task.inputs(batch, key)
        taught = parts.teach(state.params | {"teacher": teacher}, batch, inputs, key)
        generator = state.params["generator"] | {"student": student}
        return parts.student(generator, taught.outputs, frozen, inputs)[2]

    def terms(student, index):
        return compare(student, index % 2 == 1)

    for index in (0, 1):
        for name in ("ssim", "style", "features"):
            assert float(terms(same, index)[name]) == pytest.approx(0, abs=1e-4)
            assert float(terms(other, index)[name]) > 1e-2
    # Of the style encoder the distance of styles speaks, where they are encoded.
    drawn, encoded = (
        float(terms(same | {"style": other["style"]}, index)["channels"])
        - float(terms(same, index)["channels"])
        for index in (0, 1)
    )
    assert drawn == 0 and encoded > 1e-4
