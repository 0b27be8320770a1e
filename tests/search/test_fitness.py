import jax.numpy as jnp
import numpy as np
import pytest

from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import kernel_distance
from ganc.search.fitness import make_score


def draw(seed, count=12):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 4, 4, 3)).astype(np.float32)


def extract(pictures):
    assert isinstance(pictures, np.ndarray)
    return pictures.mean(axis=1).reshape(len(pictures), -1)


@pytest.mark.parametrize(("name", "distance"), [("kid", kernel_distance), ("fd", frechet_distance)])
def test_distances_to_real_pictures(name, distance):
    real, fake = draw(0, count=20), draw(1)
    score = make_score(name, extract=extract, real=real, teacher=draw(2))
    value = score(jnp.asarray(fake))
    assert value == pytest.approx(distance(extract(fake), extract(real)), rel=1e-12)
    assert score(jnp.asarray(fake * 0.1 + 0.5)) > value


def test_the_reference_is_extracted_once():
    calls = []

    def counting(pictures):
        calls.append(len(pictures))
        return extract(pictures)

    score = make_score("kid", extract=counting, real=draw(0, count=20), teacher=draw(2))
    score(jnp.asarray(draw(1)))
    score(jnp.asarray(draw(3)))
    assert calls == [20, 12, 12]


def test_l1_to_the_teacher_is_in_units_of_the_full_range():
    def never(_):
        raise AssertionError("no features are needed")

    teacher = draw(2)
    score = make_score("l1", extract=never, real=draw(0), teacher=teacher)
    assert score(jnp.asarray(teacher)) == 0
    assert score(jnp.asarray(teacher) - 0.5) == pytest.approx(0.25, rel=1e-6)
    assert score(-jnp.ones_like(teacher)) == pytest.approx((teacher + 1).mean() / 2, rel=1e-6)
