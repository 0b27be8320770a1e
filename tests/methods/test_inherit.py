import jax
import numpy as np
import optax
import pytest

from ganc.losses.distillation import Distil
from ganc.methods import once_for_all as ofa
from ganc.methods.inherit import inherit, rank, rank_everywhere
from ganc.models import resnet, spade
from ganc.models.discriminators import PatchSpec, patch
from ganc.tasks import cyclegan
from ganc.types import Model


def resnet_of(random_params, ngf=4, **options):
    generator = resnet.generator(resnet.Spec(ngf, 3, **options))
    return Model(generator, random_params(generator, seed=1))


def filters(params, layer):
    """The L1 norm of every filter."""
    return np.abs(params[layer]["kernel"]).sum(axis=(0, 1, 2))


@pytest.mark.parametrize("separable", [False, True])
def test_a_student_that_takes_everything_draws_what_its_teacher_draws(
    random_params, key, separable
):
    teacher = resnet_of(random_params, separable=separable)
    student = resnet.generator(resnet.Spec(4, 3, separable=separable))
    params = inherit(student, teacher, rank)
    x = jax.random.uniform(key, (1, 8, 8, 3), minval=-1)
    ours, theirs = student.apply(params, x).image, teacher.generator.apply(teacher.params, x).image
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    # The first layer that ends in a group ranks it; the blocks end in the trunk too, and follow.
    for layer in ("stem", "down1", "down2", "up1", "up2"):
        assert np.all(np.diff(filters(params, layer)) <= 1e-6)
    last = params["block1"]["conv2_pointwise" if separable else "conv2"]["kernel"]
    assert not np.all(np.diff(np.abs(last).sum(axis=(0, 1, 2))) <= 0)


def test_a_layer_is_ranked_by_what_is_left_of_its_filters(toy, random_params):
    teacher = Model(toy(3), random_params(toy(3)))
    stem, body = (np.zeros_like(teacher.params[name]["kernel"]) for name in ("stem", "body"))
    stem[0, 0, 0] = [1, 3, 2]
    # Of the last channel of the body all comes from the first of the stem, which does not stay.
    body[0, 0] = [[0, 0, 0, 0, 0, 9], [4, 0, 1, 0, 0, 0], [0, 2, 0, 0, 0, 1]]
    for name, kernel in (("stem", stem), ("body", body)):
        teacher.params[name]["kernel"] = kernel
    keep = rank(teacher, {"stem": 2, "body": 4})
    assert {group: list(kept) for group, kept in keep.items()} == {
        "stem": [1, 2],
        "body": [0, 1, 2, 5],  # of equals the first
    }
    params = inherit(toy(2), teacher, rank)
    np.testing.assert_array_equal(params["body"]["kernel"], body[:, :, [1, 2]][..., [0, 1, 2, 5]])
    assert [len(kept) for kept in rank(teacher, {"stem": 2}).values()] == [2, 6]


def test_everywhere_counts_what_lies_before_a_channel_and_behind_it(toy, random_params):
    teacher = Model(toy(2), jax.tree.map(np.zeros_like, random_params(toy(2))))
    teacher.params["stem"]["kernel"][0, 0, 0] = [1, 2]
    teacher.params["body"]["kernel"][0, 0] = [[2, 0, 3, 0], [1, 0, 0, 0]]
    teacher.params["head"]["kernel"][0, 0, 1, 0] = 4
    teacher.params["body"]["bias"][3] = 5
    keep = rank_everywhere(teacher, {"body": 3})
    # stem: 1 + 5 and 2 + 1; body: 3, 4, 3 and 5.
    assert {group: list(kept) for group, kept in keep.items()} == {
        "stem": [0, 1],
        "body": [3, 1, 0],
    }


def test_a_mobile_student_takes_all_but_the_blocks_of_a_dense_teacher(random_params):
    teacher = resnet_of(random_params)
    params = inherit(resnet.generator(resnet.Spec(4, 3, separable=True)), teacher, rank)
    assert set(params) == {"stem", "down1", "down2", "up1", "up2", "head"}


def test_a_narrower_student_takes_the_most_important_channels(random_params):
    teacher = resnet_of(random_params, ngf=6, separable=True)
    student = resnet.generator(resnet.Spec(4, 3, separable=True))
    params = inherit(student, teacher, rank)
    assert params.keys() == student.axes.keys()
    order = np.argsort(-filters(teacher.params, "stem"))[:4]
    np.testing.assert_array_equal(
        params["stem"]["kernel"], teacher.params["stem"]["kernel"][..., order]
    )
    down1 = np.argsort(-np.abs(teacher.params["down1"]["kernel"][:, :, order]).sum((0, 1, 2)))[:8]
    np.testing.assert_array_equal(
        params["down1"]["kernel"], teacher.params["down1"]["kernel"][:, :, order][..., down1]
    )


def test_a_gaugan_is_ranked_by_the_layers_that_run_first(random_params):
    generator = spade.generator(spade.Spec(2, 3, separable=True, upsampling="normal"))
    teacher = Model(generator, random_params(generator))
    keep, fc = rank(teacher, {"trunk": 5}), filters(teacher.params, "fc")
    np.testing.assert_array_equal(keep["trunk"], np.argsort(-fc, kind="stable")[:5])
    assert keep.keys() == generator.widths.keys()
    conv_0 = np.abs(teacher.params["up_0"]["conv_0"]["kernel"][:, :, keep["trunk"]]).sum((0, 1, 2))
    np.testing.assert_array_equal(keep["up_0"], np.argsort(-conv_0, kind="stable"))


def test_of_a_narrower_teacher_nothing_is_taken(random_params):
    student = resnet.generator(resnet.Spec(8, 3))
    assert inherit(student, resnet_of(random_params), rank) == {}


def test_a_supernet_starts_from_what_it_takes(random_params, key):
    teacher = resnet_of(random_params)
    student = resnet.generator(resnet.Spec(4, 3, separable=True))
    start = inherit(student, teacher, rank)
    task = cyclegan.task(patch(PatchSpec(4)))
    method = ofa.OnceForAll(task, student, teacher.generator, Distil(0.0))
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.1))
    state = ofa.init(method, key, optimizers, average=0.9, start=start)
    for params in (state.params["generator"], state.extra["average"]):
        np.testing.assert_array_equal(params["student"]["head"]["kernel"], start["head"]["kernel"])
        assert "block0" in params["student"]
