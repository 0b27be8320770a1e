import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.nn.call import Gate, Layer, bind
from ganc.nn.layers import Conv


class Seen(Layer):
    """What a layer far below the root reads."""

    @nn.compact
    def __call__(self, x):
        momentum = 0.0 if self.momentum is None else self.momentum
        return Gate(("a", "b"))(x) + momentum


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        class Middle(nn.Module):
            @nn.compact
            def __call__(self, x):
                return Seen()(Conv(3, (None, ("a", "b")), size=1)(x))

        return Middle()(x)


X = np.float32([[1, -2, 3, 4]]).reshape(1, 2, 2, 1)
KERNEL = np.float32([1, 10, 100])
PARAMS = {
    "Middle_0": {"Conv_0": {"kernel": KERNEL.reshape(1, 1, 1, 3), "bias": np.zeros(3, np.float32)}}
}
MASKS = {"a": np.float32([1]), "b": np.float32([0, 1])}


def apply(masks=None, momentum=None):
    return Net().apply({"params": PARAMS, **bind(masks, momentum)}, X)


def test_what_is_bound_reaches_every_layer():
    np.testing.assert_array_equal(apply(), X * KERNEL)
    np.testing.assert_array_equal(apply(MASKS), X * KERNEL * [1, 0, 1])
    np.testing.assert_array_equal(apply(MASKS, 0.5), X * KERNEL * [1, 0, 1] + 0.5)
    np.testing.assert_array_equal(apply(momentum=0.5), X * KERNEL + 0.5)


def test_one_call_knows_nothing_of_another():
    apply(MASKS, 0.5)
    np.testing.assert_array_equal(apply(), X * KERNEL)


def test_masks_and_momentum_are_arguments_like_any_other():
    stacked = {"a": jnp.float32([[1], [0]]), "b": jnp.float32([[0, 1], [1, 0]])}
    many = jax.jit(jax.vmap(apply))(stacked, jnp.float32([0, 2]))
    np.testing.assert_array_equal(many[0], X * KERNEL * [1, 0, 1])
    np.testing.assert_array_equal(many[1], X * KERNEL * [0, 1, 0] + 2)
    gradient = jax.grad(lambda masks: jnp.sum(apply(masks)))(MASKS)
    np.testing.assert_array_equal(gradient["a"], [X.sum()])
    np.testing.assert_array_equal(gradient["b"], X.sum() * KERNEL[1:])


def test_nothing_is_bound_while_parameters_are_made():
    variables = Net().init(jax.random.key(0), X)
    assert set(variables) == {"params"}
    lazy = Net().lazy_init(jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    assert jax.tree.structure(nn.unbox(lazy)) == jax.tree.structure(nn.unbox(variables))


def test_what_is_bound_is_in_no_way_a_parameter():
    _, updated = Net().apply({"params": PARAMS, **bind(MASKS)}, X, mutable=["statistics"])
    assert not updated


def test_a_mask_that_is_missing_is_named():
    with pytest.raises(KeyError, match="b"):
        apply({"a": MASKS["a"]})
