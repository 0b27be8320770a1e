import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.errors import UserError
from ganc.export import layouts
from ganc.export.layouts import Layer
from ganc.nn.call import bind
from ganc.nn.layers import Conv
from ganc.nn.norm import STATISTICS
from ganc.nn.spectral import SpectralConv, fold

LAYER = SpectralConv(Conv(5, (None, None), pad=1, stride=2))
SHAPE = (2, 6, 7, 4)


def drawn(seed=0):
    """A kernel with a bias, and two unit vectors."""
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=5), rng.normal(size=36)
    params = {"kernel": rng.normal(size=(3, 3, 4, 5)), "bias": rng.normal(size=5)}
    vectors = {"u": u / np.linalg.norm(u), "v": v / np.linalg.norm(v)}
    return jax.tree.map(np.float32, (params, vectors, rng.normal(size=SHAPE)))


def evaluate(params, vectors, x):
    return LAYER.apply({"params": params, STATISTICS: vectors}, x)


def train(params, vectors, x):
    variables = {"params": params, STATISTICS: vectors, **bind(momentum=0.1)}
    y, updated = LAYER.apply(variables, x, mutable=[STATISTICS])
    return y, updated[STATISTICS]


def test_two_training_steps_and_evaluation_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    params, vectors, x = drawn()
    peer = torch.nn.utils.spectral_norm(torch.nn.Conv2d(4, 5, 3, stride=2, padding=1))
    names = [Layer("here", "there", "spectral")]
    flat = {f"here/{name}": array for name, array in (params | vectors).items()}
    state = {
        name.removeprefix("there."): torch.tensor(array)
        for name, array in layouts.to_torch(flat, names).items()
    }
    assert list(state) == list(peer.state_dict())
    peer.load_state_dict(state)

    def loss(params, vectors):
        y, updated = train(params, vectors, x)
        return jnp.sum(jnp.sin(y)), (y, updated)

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    for _ in range(2):
        (_, (y, vectors)), gradient = step(params, vectors)
        peer.zero_grad()
        expected = peer(torch.tensor(x.transpose(0, 3, 1, 2)))
        torch.sin(expected).sum().backward()
        np.testing.assert_allclose(y.transpose(0, 3, 1, 2), expected.detach(), atol=1e-5)
        np.testing.assert_allclose(vectors["u"], peer.weight_u, atol=1e-5)
        np.testing.assert_allclose(vectors["v"], peer.weight_v, atol=1e-5)
        kernel = gradient["kernel"].transpose(3, 2, 0, 1)
        np.testing.assert_allclose(kernel, peer.weight_orig.grad, atol=1e-5)
        np.testing.assert_allclose(gradient["bias"], peer.bias.grad, atol=1e-5)

    expected = peer.eval()(torch.tensor(x.transpose(0, 3, 1, 2))).detach()
    y = jax.jit(evaluate)(params, vectors, x)
    np.testing.assert_allclose(y.transpose(0, 3, 1, 2), expected, atol=1e-5)


def test_training_finds_the_largest_singular_value():
    params, vectors, x = drawn()
    step = jax.jit(train)
    for _ in range(100):
        _, vectors = step(params, vectors, x)
    kernel = fold({**params, **vectors})["kernel"]
    largest = np.linalg.norm(kernel.transpose(3, 2, 0, 1).reshape(5, -1), 2)
    assert largest == pytest.approx(1, abs=1e-4)


def test_folded_equals_unfolded():
    params, vectors, x = drawn()
    plain = Conv(5, (None, None), pad=1, stride=2)
    tree = fold({"a": {**params, **vectors}, "b": {"kernel": params["kernel"]}})
    assert set(tree["a"]) == {"kernel", "bias"}
    np.testing.assert_array_equal(tree["b"]["kernel"], params["kernel"])
    expected = evaluate(params, vectors, x)
    np.testing.assert_allclose(plain.apply({"params": tree["a"]}, x), expected, atol=1e-4)


def test_vectors_begin_at_random_on_the_sphere(key):
    variables = nn.unbox(LAYER.init(key, jnp.zeros(SHAPE)))
    other = nn.unbox(LAYER.init(jax.random.key(1, impl="rbg"), jnp.zeros(SHAPE)))
    vectors = variables[STATISTICS]
    assert {name: v.shape for name, v in vectors.items()} == {"u": (5,), "v": (36,)}
    for name, vector in vectors.items():
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        assert np.abs(vector - other[STATISTICS][name]).max() > 0.01


@pytest.mark.parametrize(("source", "features"), [(slice(3), 5), (slice(4), 2)])
def test_a_sliced_kernel_is_refused(source, features):
    params, vectors, x = drawn()
    sliced = {
        "kernel": params["kernel"][:, :, source, :features],
        "bias": params["bias"][:features],
    }
    layer = SpectralConv(Conv(features, (None, None), pad=1, stride=2))
    with pytest.raises(UserError, match="sliced after its spectral norm is folded"):
        layer.apply({"params": sliced, STATISTICS: vectors}, x[..., source])


def test_masks_are_refused():
    params, vectors, x = drawn()
    variables = {"params": params, STATISTICS: vectors, **bind({"a": jnp.ones(5)})}
    with pytest.raises(UserError, match="takes no masks: fold it first"):
        LAYER.apply(variables, x)


def test_inside_a_network_its_arrays_stand_under_the_name_of_the_convolution():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return SpectralConv(Conv(5, (None, None), name="here"))(x)

    variables = jax.eval_shape(Net().init, jax.random.key(0), jnp.zeros(SHAPE))
    assert set(variables["params"]) == set(variables[STATISTICS]) == {"here"}
    assert set(variables["params"]["here"]) == {"kernel", "bias"}
    assert set(variables[STATISTICS]["here"]) == {"u", "v"}
