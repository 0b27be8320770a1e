"""Activations of fewer bits, with float32 parameters, norms and results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.models import discriminators, munit, resnet, unet
from ganc.nn.precision import activations

X = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
NETWORKS = {
    "resnet": resnet.generator(resnet.Spec(4, blocks=3, separable=True)),
    "unet": unet.generator(unet.Spec(ngf=4, downs=5)),
    "munit": munit.generator(munit.Spec(2, blocks=2, style_dim=3, mlp_dim=4)),
    "patch": discriminators.patch(discriminators.PatchSpec(ndf=4, layers=1, norm="batch")),
}
PRODUCTS = {"conv_general_dilated", "dot_general"}


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                if hasattr(inner, "jaxpr"):
                    inner = inner.jaxpr
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_products_have_few_bits_and_all_else_that_counts_32(network):
    shapes = jax.eval_shape(network.init, jax.random.key(0))

    def loss(params, x):
        result = network.apply(params, x, momentum=0.1)
        leaves = jax.tree.leaves(result)
        assert leaves and all(leaf.dtype == jnp.float32 for leaf in leaves)
        return sum(jnp.sum(leaf**2) for leaf in leaves)

    with activations("bf16"):
        traced = jax.make_jaxpr(jax.grad(loss))(shapes, X)
    assert all(leaf.dtype == jnp.float32 for leaf in traced.out_avals)  # gradients
    products = norms = 0
    for equation in equations(traced.jaxpr):
        types = {v.aval.dtype for v in equation.invars if hasattr(v.aval, "dtype")}
        if equation.primitive.name in PRODUCTS:
            products += jnp.dtype(jnp.bfloat16) in types
        if equation.primitive.name in ("rsqrt", "sqrt"):
            norms += 1
            assert types == {jnp.dtype(jnp.float32)}
    assert products >= 6 and norms
    assert "bf16" not in str(jax.make_jaxpr(loss)(shapes, X))  # outside it is as before


def test_pictures_are_nearly_the_same(toy, random_params):
    generator = toy(4, norm=True)
    params = random_params(generator)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)
    draw = jax.jit(lambda p, x: generator.apply(p, x, momentum=0.1))
    exact = draw(params, x)
    with activations("bf16"):
        rough = draw(params, x)
    gap = np.abs(np.asarray(exact.image) - np.asarray(rough.image)).max()
    assert 0 < gap < 0.02
    np.testing.assert_array_equal(draw(params, x).image, exact.image)
