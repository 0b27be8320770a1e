"""The presets for accelerators, and that TPU and CUDA are given nothing that they don't take."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.compression.accelerators import in_precision
from ganc.losses.distillation import Distil
from ganc.methods import adversarial
from ganc.methods import once_for_all as ofa
from ganc.methods.update import make_update
from ganc.models import discriminators, resnet
from ganc.nn.precision import activations
from ganc.recipes import cyclegan_ofa
from ganc.search.classes import ShapeClasses
from ganc.search.space import Space
from ganc.tasks import cyclegan
from ganc.train.stage import optimizers

PLATFORMS = ("tpu", "cuda")


@pytest.mark.parametrize("name", ["tpu-v5e-8", "gpu"])
def test_a_full_accelerator_sees_as_many_pictures(name):
    published, filled = cyclegan_ofa.PRESETS["horse2zebra"], cyclegan_ofa.PRESETS[name]
    for stage in ("supernet", "train_teacher"):
        a, b = getattr(published, stage), getattr(filled, stage)
        steps = [s.constant_steps + s.decay_steps for s in (a, b)]
        assert steps[1] * b.batch == pytest.approx(steps[0] * a.batch, rel=1e-3)
        training = b if stage == "supernet" else b.training
        assert training.rate_factor == pytest.approx((b.batch / a.batch) ** 0.5)
        assert training.precision == "bf16"
    assert filled.supernet.batch % 8 == 0
    assert filled.search == published.search


def test_one_flag_is_of_every_training():
    config = in_precision(cyclegan_ofa.SMOKE, "bf16")
    stages = (config.supernet, config.fine_tune, config.pre_distillation, config.train_teacher)
    assert {stage.precision for stage in stages} == {"bf16"}
    assert in_precision(config, "float32") == cyclegan_ofa.SMOKE


@pytest.fixture
def elsewhere(monkeypatch):
    """Networks are traced as they are where the backend is not a CPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")


def test_training_is_lowered_for_accelerators(elsewhere):
    judge = discriminators.patch(discriminators.PatchSpec(ndf=4, layers=1))
    small, big = (resnet.generator(resnet.Spec(n, blocks=3, separable=n == 4)) for n in (4, 6))
    task = cyclegan.task(judge)
    method = ofa.OnceForAll(task, small, big, Distil(0.5))
    training = dataclasses.replace(cyclegan_ofa.PRESETS["gpu"].supernet, accumulate=2)
    both = optimizers(training)
    state = jax.eval_shape(lambda key: ofa.init(method, key, both), jax.random.key(0))
    picture = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    batch, players = {"a": picture, "b": picture}, ofa.make_players(method)
    space = Space(small.slots, ((4, 2),) * len(small.slots))
    shape = space.widths(ShapeClasses(space, (space.largest,)).containing(space.smallest))
    masks = {group: mask[0] for group, mask in space.masks([space.smallest], shape).items()}
    teacher = jax.eval_shape(big.init, jax.random.key(0))
    update = make_update(both, measured=method.measured)

    def step(state, teacher, batch):
        given = task.inputs(batch, None)
        wanted = players.target(teacher, batch, given)
        g, _, terms, fake = players.generator(state.params, wanted, batch, given, masks, shape)
        d, _, more = players.discriminator(state.params, batch, fake)
        return update(state, {"generator": g, "discriminator": d}, {}), terms | more

    with activations("bf16"):
        exported = jax.export.export(jax.jit(step, donate_argnums=0), platforms=PLATFORMS)(
            state, teacher, batch
        )
    text = exported.mlir_module()
    assert exported.platforms == PLATFORMS and "stablehlo.convolution" in text and "bf16" in text
    # Depthwise convolutions in the form of accelerators, and no kernel of a backend's.
    assert "feature_group_count = 16" in text and "custom_call" not in text


def test_the_teachers_game_is_lowered_too(elsewhere):
    generator = resnet.generator(resnet.Spec(2, blocks=3))
    judge = discriminators.patch(discriminators.PatchSpec(ndf=2, layers=1))
    game = cyclegan.task(judge, pool=2).play(generator)
    both = optimizers(cyclegan_ofa.SMOKE.train_teacher.training)
    state = jax.eval_shape(
        lambda key: adversarial.init(game, key, both, (32, 32, 3)), jax.random.key(0)
    )
    picture = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    step = adversarial.make_step(game, both, jax.random.key(0))
    with activations("bf16"):
        exported = jax.export.export(jax.jit(step), platforms=PLATFORMS)(
            state, {"a": picture, "b": picture}, np.int32(0)
        )
    assert exported.platforms == PLATFORMS
