import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.losses.adversarial import HINGE, LEAST_SQUARES, feature_matching
from ganc.models import munit_discriminator, spade_discriminator
from ganc.types import Verdict

REAL = Verdict(jnp.float32([[2.0, 0.5], [-1.0, 1.0]]))
FAKE = Verdict(jnp.float32([[-2.0, 0.5], [0.0, 3.0]]))
# Two scales, the second of another size.
REALS = Verdict((REAL.logits, jnp.float32([3.0])))
FAKES = Verdict((FAKE.logits, jnp.float32([2.0])))
LOSSES = {"least squares": LEAST_SQUARES, "hinge": HINGE}


def test_least_squares():
    # real: 1, 0.25, 4, 0; fake: 4, 0.25, 0, 9
    assert LEAST_SQUARES.discriminator(REAL, FAKE) == pytest.approx((5.25 + 13.25) / 4 / 2)
    assert LEAST_SQUARES.generator(FAKE) == pytest.approx((9 + 0.25 + 1 + 4) / 4)


def test_hinge():
    # real: 0, 0.5, 2, 0; fake: 0, 1.5, 1, 4
    assert HINGE.discriminator(REAL, FAKE) == pytest.approx((2.5 + 6.5) / 4 / 2)
    assert HINGE.generator(FAKE) == pytest.approx(-1.5 / 4)
    symmetric = Verdict(jnp.float32([-1.5, -0.5, 0.5, 1.5]))
    assert HINGE.discriminator(symmetric, symmetric) == pytest.approx(1.125)
    assert HINGE.generator(symmetric) == 0


def test_scales_are_averaged_or_summed_whatever_their_sizes():
    fine, coarse = -1.5 / 4, -2.0
    assert HINGE.generator(FAKES) == pytest.approx((fine + coarse) / 2)
    summed = dataclasses.replace(HINGE, scales="sum", halved=False)
    assert summed.generator(FAKES) == pytest.approx(fine + coarse)
    fine, coarse = (2.5 + 6.5) / 4, 0 + 3
    assert HINGE.discriminator(REALS, FAKES) == pytest.approx((fine + coarse) / 2 / 2)
    assert summed.discriminator(REALS, FAKES) == pytest.approx(fine + coarse)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_players_pull_in_opposite_directions(loss):
    logits, other = Verdict(jnp.float32([0.2, -0.3])), Verdict(jnp.float32([0.5, 0.1]))
    up = jax.grad(loss.generator)(logits).logits
    real, fake = (v.logits for v in jax.grad(loss.discriminator, (0, 1))(logits, logits))
    assert (up < 0).all() and (real < 0).all()  # both would raise these logits
    assert loss is not HINGE or (fake > 0).all()
    assert jax.grad(loss.discriminator, 1)(logits, other).logits.min() > 0


JUDGES = {
    "munit": munit_discriminator.multi_scale(munit_discriminator.MultiScaleSpec(ndf=2)),
    "spade": spade_discriminator.multi_scale(spade_discriminator.MultiScaleSpec(2, channels_in=3)),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_judges_of_several_scales(judge, loss, random_params):
    x = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    verdict = judge.apply(random_params(judge), x)
    assert len(verdict.logits) > 1
    each = [loss.generator(Verdict(logits)) for logits in verdict.logits]
    assert loss.generator(verdict) == pytest.approx(float(np.mean(each)), rel=1e-5)
    both = [loss.discriminator(Verdict(y), Verdict(-y)) for y in verdict.logits]
    negative = Verdict(tuple(-logits for logits in verdict.logits))
    assert loss.discriminator(verdict, negative) == pytest.approx(float(np.mean(both)), rel=1e-5)


def test_features_match_by_scale_and_layer():
    real = Verdict((), ((jnp.float32([1.0, 2.0]), jnp.float32([0.0])), (jnp.float32([5.0]),)))
    fake = Verdict((), ((jnp.float32([1.5, 1.0]), jnp.float32([4.0])), (jnp.float32([3.0]),)))
    # The first scale: 0.75 and 4, the second: 2.
    assert feature_matching(real, fake) == pytest.approx((0.75 + 4 + 2) / 2)
    pull_real, pull_fake = jax.grad(feature_matching, (0, 1))(real, fake)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(pull_real))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(pull_fake))
