import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.losses.imitation import Imitation, imitation_terms
from ganc.losses.perceptual import ssim, style_loss, total_variation
from ganc.losses.reconstruction import l1_loss


def features(x):
    """Two maps that stand for a network."""
    fine, coarse = x**2, x[:, ::2, ::2]
    return (fine, coarse), coarse


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, 2, 12, 14, 3)).astype(np.float32)


def test_the_published_weights(pictures):
    student, teacher = pictures
    terms = imitation_terms(Imitation(), features, student, [teacher])
    styles, _ = zip(features(student), features(teacher), strict=True)
    assert terms == {
        "ssim": pytest.approx(10 * (1 - float(ssim(student, teacher)))),
        "style": pytest.approx(1e4 * float(style_loss(*styles))),
        "features": pytest.approx(10 * float(l1_loss(student[:, ::2, ::2], teacher[:, ::2, ::2]))),
        "variation": pytest.approx(1e-5 * float(total_variation(student))),
    }


def test_named_options_mend_what_was_published(pictures):
    student, teacher = pictures
    mended = Imitation(range="unit", total="picture")
    terms = imitation_terms(mended, features, student, [teacher])
    unit = ssim((student + 1) / 2, (teacher + 1) / 2)
    assert terms["ssim"] == pytest.approx(10 * (1 - float(unit)))
    assert terms["variation"] == pytest.approx(1e-5 * float(total_variation(student)) / 2)


def test_what_has_no_weight_is_not_computed(pictures):
    def none(x):
        raise AssertionError("features were computed")

    plain = Imitation(style=0.0, features=0.0, variation=0.0)
    assert set(imitation_terms(plain, none, pictures[0], [pictures[1]])) == {"ssim"}
    assert (
        imitation_terms(dataclasses.replace(plain, ssim=0.0), none, pictures[0], [pictures[1]])
        == {}
    )


def test_no_gradient_reaches_the_teacher(pictures):
    student, teacher = pictures

    def loss(s, t):
        return sum(imitation_terms(Imitation(), features, s, [t]).values(), jnp.float32(0))

    ours, theirs = jax.grad(loss, argnums=(0, 1))(student, teacher)
    assert jnp.abs(ours).max() > 0 and jnp.abs(theirs).max() == 0


def test_several_teachers_are_added(pictures):
    student, teacher = pictures
    other, seen = np.flip(teacher, axis=1).copy(), []

    def watched(x):
        seen.append(x)
        return features(x)

    both = imitation_terms(Imitation(), watched, student, [teacher, other])
    assert len(seen) == 3  # the student's pictures are looked at once
    alone = [imitation_terms(Imitation(), features, student, [t]) for t in (teacher, other)]
    assert both == {name: pytest.approx(float(sum(t[name] for t in alone))) for name in both}
