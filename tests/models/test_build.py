import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from ganc.models.build import build_discriminator
from ganc.nn.layers import Conv
from ganc.types import Verdict

SEEN = []


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        SEEN.append(isinstance(x, jax.core.Tracer))
        return Verdict(Conv(2, (None, None), size=1)(x), ())


def test_weights_are_drawn_without_running_the_network(key):
    judge = build_discriminator(Net(), 3, None, side=4)
    SEEN.clear()
    params = judge.init(key)
    assert SEEN == [True]
    plain = nn.unbox(Net().init(key, jnp.zeros((1, 4, 4, 3))))["params"]
    jax.tree.map(np.testing.assert_array_equal, params, plain)
    shapes = jax.eval_shape(judge.init, key)  # the key is traced too
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, shapes)
