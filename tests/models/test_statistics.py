"""Recalibration; what a subnet's statistics are is also tested in `test_spade.py`."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc import channels
from ganc.models import resnet
from ganc.models.build import build
from ganc.models.statistics import merge, recalibrate
from ganc.nn.call import Gate
from ganc.nn.layers import Conv
from ganc.nn.norm import BatchNorm
from ganc.types import Output, slot


class Normed(nn.Module):
    """A norm of the pictures themselves and one of what a convolution makes of them."""

    widths: dict

    @nn.compact
    def __call__(self, x, shift=0.0):
        x = BatchNorm(None, name="first")(x + shift)
        x = Conv(self.widths["stem"], (None, "stem"), size=1, name="stem")(x)
        x = Gate("stem")(nn.relu(BatchNorm("stem", name="second")(x)))
        return Output(jnp.tanh(Conv(3, ("stem", None), size=1, name="head")(x)), {})


NET = build(Normed, slots=(slot("stem", 1),), base=6, taps={}, divisor=1, minimum=1, spec="normed")


def batches(count=4, seed=0):
    rng = np.random.default_rng(seed)
    # Every batch has a mean and a contrast of its own.
    return [
        np.float32(rng.normal(rng.normal(), rng.uniform(0.5, 2), (2, 4, 4, 3)))
        for _ in range(count)
    ]


def test_the_first_norm_gets_the_statistics_of_all_pictures(random_params):
    params, pictures = random_params(NET), batches()
    found = recalibrate(NET, params, pictures)["first"]
    together = np.concatenate(pictures).astype(np.float64)
    np.testing.assert_allclose(found["mean"], together.mean(axis=(0, 1, 2)), rtol=1e-5)
    # The stated approximation: each batch's variance is divided by n - 1.
    n = 2 * 4 * 4
    within = np.mean([batch.var(axis=(0, 1, 2)) for batch in pictures], axis=0)
    expected = together.var(axis=(0, 1, 2)) + within / (n - 1)
    np.testing.assert_allclose(found["var"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["var"], together.var(axis=(0, 1, 2)), rtol=1 / (n - 1))


def test_one_batch_gives_what_it_leaves_at_momentum_one(random_params):
    params, (batch,) = random_params(NET), batches(1)
    expected = merge(params, NET.apply(params, batch, momentum=1.0).statistics)
    found = recalibrate(NET, params, [batch])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected)
    np.testing.assert_array_equal(found["stem"]["kernel"], params["stem"]["kernel"])


def test_a_subnet_is_measured_alike_masked_and_sliced(random_params):
    params, pictures = random_params(NET), batches()
    keep = {"stem": np.array([0, 2, 3])}
    masked = recalibrate(NET, params, pictures, masks=channels.masks(keep, NET.widths))
    sliced = recalibrate(NET, channels.slice_params(params, NET.axes, keep), pictures)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        channels.slice_params(masked, NET.axes, keep),
        sliced,
    )
    for name in ("mean", "var"):  # what the architecture leaves out keeps its statistics
        others = np.array([1, 4, 5])
        before, after = params["second"][name], masked["second"][name]
        np.testing.assert_allclose(after[others], before[others], rtol=1e-6)


def test_all_architectures_share_one_compilation(random_params):
    params, pictures, traced = random_params(NET), batches(2), []

    class Counted(Normed):
        def __call__(self, *args, **inputs):
            traced.append(1)
            return super().__call__(*args, **inputs)

    net = build(Counted, slots=NET.slots, base=6, taps={}, divisor=1, minimum=1, spec="counted")
    traced.clear()
    for kept in ([0], [1, 2], [0, 5]):
        masks = channels.masks({"stem": np.array(kept)}, net.widths)
        recalibrate(net, params, pictures, masks=masks)
    assert len(traced) == 1


def test_inputs_reach_the_network(random_params):
    params, pictures = random_params(NET), batches()
    plain = recalibrate(NET, params, pictures)["first"]
    shifted = recalibrate(NET, params, pictures, shift=jnp.float32(2))["first"]
    np.testing.assert_allclose(shifted["mean"], plain["mean"] + 2, atol=1e-5)
    np.testing.assert_allclose(shifted["var"], plain["var"], rtol=1e-4)


def test_without_statistics_nothing_is_measured():
    params = object()
    assert recalibrate(resnet.generator(resnet.Spec(4, 3)), params, []) is params


def test_batches_that_cannot_be_are_refused(random_params):
    params, (batch,) = random_params(NET), batches(1)
    with pytest.raises(ValueError, match="no pictures to measure"):
        recalibrate(NET, params, [])
    with pytest.raises(ValueError, match=r"same size, got \[\(1, 4, 4, 3\), \(2, 4, 4, 3\)\]"):
        recalibrate(NET, params, [batch, batch[:1]])


def test_merging_keeps_what_is_empty():
    params = {"adaptors": {}, "student": {"norm": {"mean": 0, "scale": 1}}}
    merged = merge(params, {"student": {"norm": {"mean": 2}}})
    assert merged == {"adaptors": {}, "student": {"norm": {"mean": 2, "scale": 1}}}
