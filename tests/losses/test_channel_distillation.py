import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc import channels
from ganc.losses.channel_distillation import (
    ChannelDistil,
    channel_adaptor_axes,
    channel_distillation_loss,
    init_channel_adaptors,
)
from ganc.models import resnet, unet
from ganc.types import Generator


def network(taps, widths):
    return Generator(None, None, {}, widths, (), taps, 1, 1, None)  # type: ignore[arg-type]


def waves(function, *shape):
    """What the reference sees channels first, channels last."""
    return np.float32(function(np.arange(np.prod(shape)).reshape(shape)).transpose(0, 2, 3, 1))


@pytest.fixture
def golden():
    """Measured with the authors' code: shared/specs/omgd.md, section 2.6."""
    kernel = np.float32(0.1 * np.arange(15).reshape(5, 3) - 0.7).T
    adaptor = {"kernel": kernel, "scale": np.ones(5), "bias": np.zeros(5)}
    return adaptor, waves(np.sin, 2, 3, 4, 4), waves(np.cos, 2, 5, 4, 4)


def test_the_golden_value(golden):
    adaptor, student, teacher = golden
    distil, pairs = ChannelDistil(1.0), {"t": "t"}
    found = channel_distillation_loss(distil, pairs, {"t": adaptor}, {"t": student}, {"t": teacher})
    assert found == pytest.approx(0.2084946, abs=1e-6)


def test_taps_are_summed_or_averaged_and_weighted(golden):
    adaptor, student, teacher = golden
    pairs, adaptors = {"t": "u", "s": "u"}, {"t": adaptor, "s": adaptor}
    ours, theirs = {"t": student, "s": student}, {"u": teacher}
    distil = ChannelDistil(50.0)
    summed = channel_distillation_loss(distil, pairs, adaptors, ours, theirs)
    assert summed == pytest.approx(50 * 2 * 0.2084946, rel=1e-5)
    mean = dataclasses.replace(distil, over_taps="mean")
    averaged = channel_distillation_loss(mean, pairs, adaptors, ours, theirs)
    assert averaged == pytest.approx(50 * 0.2084946, rel=1e-5)


def test_numbers_without_places_are_compared_as_they_are(golden):
    adaptor, student, teacher = golden
    ours = {"t": student, "style": np.float32([[1, 2], [3, 4]])}
    theirs = {"t": teacher, "style": np.float32([[1, 0], [3, 2]])}
    for over, expected in {"sum": 3 * (0.2084946 + 2), "mean": 1.5 * (0.2084946 + 2)}.items():
        distil = ChannelDistil(3.0, over, plain=("style",))
        found = channel_distillation_loss(distil, {"t": "t"}, {"t": adaptor}, ours, theirs)
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_sliced_adaptor_sees_what_a_masked_one_sees(key):
    student, teacher = network({"t": "a"}, {"a": 6}), network({"t": "x"}, {"x": 5})
    distil, keep = ChannelDistil(1.0), {"a": np.array([0, 2, 3])}
    params = init_channel_adaptors(distil, key, student, teacher)
    axes = channel_adaptor_axes(distil, student, teacher)
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(2, 4, 4, c)).astype(np.float32) for c in (6, 5))
    masked = {"t": x * channels.masks(keep, {"a": 6})["a"]}
    sliced, narrow = channels.slice_params(params, axes, keep), {"t": x[..., keep["a"]]}
    pairs = {"t": "t"}
    expected = channel_distillation_loss(distil, pairs, params, masked, {"t": y})
    found = channel_distillation_loss(distil, pairs, sliced, narrow, {"t": y})
    assert found == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("family", "teacher", "student", "count"),
    [
        (resnet, 64, 16, 67_584),
        (resnet, 48, 12, 38_400),
        (resnet, 48, 8, 26_112),
        (unet, 64, 16, 352_000),
        (unet, 48, 12, 198_720),
        (unet, 48, 8, 133_440),
    ],
)
def test_published_counts_of_adaptors(key, family, teacher, student, count):
    """shared/specs/omgd.md, section 2.1."""
    ours, theirs = (family.generator(family.Spec(ngf=n)) for n in (student, teacher))
    shapes = jax.eval_shape(lambda k: init_channel_adaptors(ChannelDistil(), k, ours, theirs), key)
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == count


def test_adaptors_begin_as_the_networks_do(key):
    student, teacher = network({"t": "a"}, {"a": 60}), network({"t": "x"}, {"x": 50})
    (adaptor,) = init_channel_adaptors(ChannelDistil(), key, student, teacher).values()
    assert adaptor["kernel"].shape == (60, 50)
    assert adaptor["kernel"].std() == pytest.approx(0.02, rel=0.1)
    assert adaptor["scale"].mean() == pytest.approx(1, abs=0.02)
    assert not adaptor["bias"].any()
    assert init_channel_adaptors(ChannelDistil(0.0), key, student, teacher) == {}


def test_no_gradient_reaches_the_teacher(golden):
    adaptor, student, teacher = golden

    def loss(s, t):
        return channel_distillation_loss(
            ChannelDistil(), {"t": "t"}, {"t": adaptor}, {"t": s}, {"t": t}
        )

    ours, theirs = jax.grad(loss, argnums=(0, 1))(student, teacher)
    assert jnp.abs(ours).max() > 0 and jnp.abs(theirs).max() == 0
