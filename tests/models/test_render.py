import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from ganc.models.render import render
from ganc.scores.row import latencies
from ganc.types import Generator, Model, Output


@pytest.mark.parametrize("count", [1, 4, 7])
def test_render_keeps_order_and_number(count):
    def apply(params, x, **_):
        return Output(params * x, {})

    doubling = Generator(None, apply, {}, {}, (), {}, 1, 1, None)  # type: ignore[arg-type]
    x = np.random.default_rng(0).uniform(-1, 1, (count, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        render(Model(doubling, jnp.float32(2)), x, batch=4), 2 * x, rtol=1e-6
    )


def test_pictures_and_latencies_are_of_one_compilation(toy, random_params):
    plain, traced = toy(4), []

    def apply(params, x):
        traced.append(len(x))
        return plain.apply(params, x)

    generator = dataclasses.replace(plain, apply=apply)
    model = Model(generator, random_params(generator))
    x = np.zeros((3, 8, 8, 3), np.float32)
    render(model, x, batch=1)
    latencies({"model": model}, (8, 8, 3), repeats=1)
    assert traced == [1]
