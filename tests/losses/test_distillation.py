import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc import channels
from ganc.losses.distillation import distillation_loss, init_adaptors

TAPS = {"early": "a", "late": "b"}
STUDENT, TEACHER = {"a": 3, "b": 40, "c": 7}, {"early": 5, "late": 60}


def test_adaptors_map_the_student_to_the_teacher(key):
    params, axes = init_adaptors(key, TAPS, STUDENT, TEACHER)
    assert jax.tree.map(jnp.shape, params) == {
        "early": {"kernel": (3, 5), "bias": (5,)},
        "late": {"kernel": (40, 60), "bias": (60,)},
    }
    assert axes == {tap: {"kernel": (group, None), "bias": (None,)} for tap, group in TAPS.items()}
    kernel = params["late"]["kernel"]
    assert kernel.std() == pytest.approx(0.02, rel=0.1)
    assert abs(kernel.mean()) < 0.002
    assert not any(params[tap]["bias"].any() for tap in TAPS)
    assert dict(channels.read_widths(params, axes)) == {"a": 3, "b": 40}


def test_by_hand():
    adaptors = {
        "early": {"kernel": jnp.float32([[1, 2], [3, 4]]), "bias": jnp.float32([0, 1])},
        "late": {"kernel": jnp.float32([[2]]), "bias": jnp.float32([-1])},
    }
    student = {
        "early": jnp.float32([1, 1]).reshape(1, 1, 1, 2),  # becomes 4, 7
        "late": jnp.float32([3, 0]).reshape(1, 1, 2, 1),  # becomes 5, -1
        "unused": jnp.float32([9]),
    }
    teacher = {
        "early": jnp.float32([4, 5]).reshape(1, 1, 1, 2),
        "late": jnp.float32([2, -1]).reshape(1, 1, 2, 1),
    }
    assert distillation_loss(adaptors, student, teacher) == pytest.approx((0 + 4) / 2 + (9 + 0) / 2)


def test_a_sliced_adaptor_sees_what_a_masked_one_sees():
    rng = np.random.default_rng(0)
    _, axes = init_adaptors(jax.random.key(0), TAPS, STUDENT, TEACHER)
    params = {
        tap: {
            "kernel": rng.normal(size=(STUDENT[group], TEACHER[tap])),
            "bias": rng.normal(size=TEACHER[tap]),
        }
        for tap, group in TAPS.items()
    }
    student = {tap: rng.normal(size=(1, 2, 2, STUDENT[group])) for tap, group in TAPS.items()}
    teacher = {tap: rng.normal(size=(1, 2, 2, width)) for tap, width in TEACHER.items()}
    keep = {"a": np.array([0, 2]), "b": np.arange(10)}
    masks = channels.masks(keep, {"a": 3, "b": 40})
    masked = {tap: student[tap] * masks[group] for tap, group in TAPS.items()}
    narrow = {tap: student[tap][..., keep[group]] for tap, group in TAPS.items()}
    sliced = channels.slice_params(params, axes, keep)
    expected = distillation_loss(params, masked, teacher)
    assert distillation_loss(sliced, narrow, teacher) == pytest.approx(float(expected), rel=1e-5)


def test_no_taps_is_zero():
    assert distillation_loss({}, {}, {}) == 0
