import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc import channels
from ganc.errors import UserError
from ganc.losses.distillation import (
    Distil,
    adaptor_axes,
    distillation_loss,
    init_adaptors,
    pair_taps,
)
from ganc.losses.reconstruction import l1_loss
from ganc.models import resnet, unet
from ganc.types import Generator


def network(taps, widths):
    return Generator(None, None, {}, widths, (), taps, 1, 1, None)  # type: ignore[arg-type]


TAPS = {"early": "a", "late": "b"}
STUDENT = network(TAPS, {"a": 3, "b": 40, "c": 7})
TEACHER = network({"early": "x", "late": ("x", "y"), "more": "x"}, {"x": 5, "y": 55})
BY_NAME = {"early": "early", "late": "late"}


def test_adaptors_map_the_student_to_the_teacher(key):
    params = init_adaptors(Distil(), key, STUDENT, TEACHER)
    axes = adaptor_axes(Distil(), STUDENT, TEACHER)
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
    ones = Distil(initial=lambda key, shape: jnp.ones(shape))
    assert init_adaptors(ones, key, STUDENT, TEACHER)["early"]["kernel"].min() == 1


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
    found = distillation_loss(Distil(), BY_NAME, adaptors, student, teacher)
    assert found == pytest.approx((0 + 4) / 2 + (9 + 0) / 2)
    absolute = distillation_loss(Distil(distance=l1_loss), BY_NAME, adaptors, student, teacher)
    assert absolute == pytest.approx((0 + 2) / 2 + (3 + 0) / 2)


def test_maps_of_another_size_are_resized_first():
    adaptors = {"t": {"kernel": jnp.float32([[1]]), "bias": jnp.float32([0])}}
    fine = jnp.float32([[0, 2], [4, 6]]).reshape(1, 2, 2, 1)
    coarse = jnp.full((1, 1, 1, 1), 3.0)
    assert distillation_loss(Distil(), {"t": "u"}, adaptors, {"t": fine}, {"u": coarse}) < 1e-10
    assert distillation_loss(Distil(), {"t": "u"}, adaptors, {"t": coarse}, {"u": fine}) == 5


def test_a_sliced_adaptor_sees_what_a_masked_one_sees():
    rng = np.random.default_rng(0)
    axes, theirs = adaptor_axes(Distil(), STUDENT, TEACHER), {"early": 5, "late": 60}
    params = {
        tap: {
            "kernel": rng.normal(size=(STUDENT.widths[group], theirs[tap])),
            "bias": rng.normal(size=theirs[tap]),
        }
        for tap, group in TAPS.items()
    }
    student = {
        tap: rng.normal(size=(1, 2, 2, STUDENT.widths[group])) for tap, group in TAPS.items()
    }
    teacher = {tap: rng.normal(size=(1, 2, 2, width)) for tap, width in theirs.items()}
    keep = {"a": np.array([0, 2]), "b": np.arange(10)}
    masks = channels.masks(keep, {"a": 3, "b": 40})
    masked = {tap: student[tap] * masks[group] for tap, group in TAPS.items()}
    narrow = {tap: student[tap][..., keep[group]] for tap, group in TAPS.items()}
    sliced = channels.slice_params(params, axes, keep)
    expected = distillation_loss(Distil(), BY_NAME, params, masked, teacher)
    found = distillation_loss(Distil(), BY_NAME, sliced, narrow, teacher)
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_taps_pair_by_name_by_position_or_as_told():
    other = network({"1": "x", "2": "x", "3": "x"}, {"x": 5})
    assert pair_taps(Distil(), STUDENT, TEACHER) == BY_NAME
    assert pair_taps(Distil(match="position"), STUDENT, other) == {"early": "1", "late": "3"}
    assert pair_taps(Distil(match="position"), other, STUDENT) == {"1": "early", "3": "late"}
    assert pair_taps(Distil(match={"late": "2"}), STUDENT, other) == {"late": "2"}


def test_distillation_does_not_vanish_silently(key):
    student = resnet.generator(resnet.Spec(ngf=4, blocks=3))
    teacher = unet.generator(unet.Spec(ngf=4, downs=5))
    with pytest.raises(UserError, match=r"no tap by name; the student has trunk0, trunk1, trunk2, "
                       r"trunk3, the teacher enc1, enc3, cat3, cat1\. .*position"):  # fmt: skip
        init_adaptors(Distil(), key, student, teacher)
    with pytest.raises(UserError, match="there is no tap trunk9"):
        pair_taps(Distil(match={"trunk9": "enc1"}), student, teacher)
    with pytest.raises(UserError, match="they share no tap"):
        pair_taps(Distil(match={}), student, teacher)
    found = pair_taps(Distil(match="position"), student, teacher)
    assert found == {"trunk0": "enc1", "trunk1": "enc3", "trunk2": "cat3", "trunk3": "cat1"}


def test_no_weight_is_no_adaptor_and_no_term(key):
    nothing = dataclasses.replace(Distil(), weight=0.0)
    assert init_adaptors(nothing, key, STUDENT, TEACHER) == {}
    assert adaptor_axes(nothing, STUDENT, TEACHER) == {}
    assert distillation_loss(nothing, {}, {}, {}, {}) == 0


def test_what_is_plain_is_compared_as_it_is():
    distil = Distil(distance=l1_loss, plain=("style",))
    ours, theirs = {"style": jnp.array([[1.0, 2.0]])}, {"style": jnp.array([[0.0, 5.0]])}
    assert float(distillation_loss(distil, {}, {}, ours, theirs)) == 2
