import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from ganc.nn import conv


def draw(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def few_outputs(x, kernel, form):
    return conv.conv2d(x, kernel, form=form)


def depthwise(x, kernel, form):
    return conv.depthwise_conv2d(x, kernel, form=form)


def depthwise_strided(x, kernel, form):
    return conv.depthwise_conv2d(x, kernel, stride=2, form=form)


def transposed(x, kernel, form):
    return conv.conv2d_transpose(x, kernel, form=form)


CASES = {
    "few outputs, 7x7": (few_outputs, (2, 9, 8, 4), (7, 7, 4, 3)),
    "few outputs, in strips": (few_outputs, (1, 132, 131, 1), (3, 3, 1, 2)),
    "few outputs, 3x5": (few_outputs, (2, 5, 7, 3), (3, 5, 3, 1)),
    "depthwise": (depthwise, (2, 6, 5, 3), (3, 3, 1, 3)),
    "depthwise, stride 2, odd": (depthwise_strided, (2, 7, 9, 3), (3, 3, 1, 3)),
    "depthwise, stride 2, even": (depthwise_strided, (1, 8, 6, 2), (3, 3, 1, 2)),
    "depthwise, stride 2, 5x5": (depthwise_strided, (1, 8, 9, 2), (5, 5, 1, 2)),
    "transposed": (transposed, (2, 4, 3, 5), (3, 3, 5, 2)),
    "transposed, one pixel": (transposed, (1, 1, 1, 2), (3, 3, 2, 3)),
    "transposed, 4x4": (transposed, (2, 3, 4, 3), (4, 4, 3, 2)),
    "transposed, 4x4, one pixel": (transposed, (1, 1, 1, 2), (4, 4, 2, 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_forms_agree_in_value_and_in_first_and_second_gradients(case):
    function, x_shape, kernel_shape = CASES[case]
    x, kernel = draw(*x_shape), draw(*kernel_shape)

    def results(form):
        def loss(x, kernel):
            y = function(x, kernel, form)
            return jnp.sum(jnp.sin(y)), y  # not linear in y, so the second gradient has all terms

        def steepness(x, kernel):
            gradients, _ = jax.grad(loss, (0, 1), has_aux=True)(x, kernel)
            return sum(jnp.sum(jnp.square(g)) for g in gradients)

        (_, y), first = jax.value_and_grad(loss, (0, 1), has_aux=True)(x, kernel)
        return y, first, jax.grad(steepness, (0, 1))(x, kernel)

    plain, cpu = (
        jax.jit(results, static_argnums=0)("plain"),
        jax.jit(results, static_argnums=0)("cpu"),
    )
    for expected, actual in zip(jax.tree.leaves(plain), jax.tree.leaves(cpu), strict=True):
        assert np.ptp(expected) > 0 or expected.size == 1
        # Sums of hundreds of sines of large numbers: rounding alone has come to 1.1e-5.
        np.testing.assert_allclose(actual, expected, atol=5e-5 * np.abs(expected).max())


@pytest.mark.parametrize("case", CASES)
def test_the_cpu_form_avoids_the_slow_paths_of_xla(case):
    function, x_shape, kernel_shape = CASES[case]

    def convolutions(form, wrap=lambda f: f):
        jaxpr = jax.make_jaxpr(wrap(lambda x, k: function(x, k, form)))(
            jnp.zeros(x_shape), jnp.zeros(kernel_shape)
        )
        return str(jaxpr).count("conv_general_dilated")

    assert convolutions("plain") == 1
    assert convolutions("cpu") == 0


def test_auto_is_the_cpu_form_on_a_cpu():
    x, kernel = draw(1, 6, 6, 3), draw(3, 3, 1, 3)
    auto = jax.make_jaxpr(lambda x: conv.depthwise_conv2d(x, kernel))(x)
    assert ("conv_general_dilated" in str(auto)) == (jax.default_backend() != "cpu")


def scatter_transposed(x, weight):
    """What PyTorch's ConvTranspose2d(k, stride=2, padding=1) computes, output_padding 1 if k is 3.

    Every input pixel adds its weighted copy of `weight` (i o k k) to the output at 2 * its place,
    then one row and column are cut off at the top and left, and with 4x4 at the other sides too.
    """
    b, h, w, _ = x.shape
    k = weight.shape[2]
    full = np.zeros((b, 2 * h + 2, 2 * w + 2, weight.shape[1]))
    for row in range(h):
        for column in range(w):
            full[:, 2 * row : 2 * row + k, 2 * column : 2 * column + k] += np.einsum(
                "bi,iokl->bklo", x[:, row, column], weight
            )
    return full[:, 1 : 2 * h + 1, 1 : 2 * w + 1]


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("form", ["plain", "cpu"])
def test_transposed_geometry(form, size):
    x, weight = draw(2, 3, 4, 2), draw(2, 5, size, size)
    kernel = weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
    actual = conv.conv2d_transpose(x, kernel, form=form)
    assert actual.shape == (2, 6, 8, 5)
    np.testing.assert_allclose(actual, scatter_transposed(x, weight), atol=1e-5)


@pytest.mark.parametrize("form", ["plain", "cpu"])
def test_transposed_by_hand(form):
    x = np.float32([[1, 10]]).reshape(1, 1, 2, 1)
    kernel = np.arange(1, 10, dtype=np.float32).reshape(3, 3, 1, 1)
    # Rows of the kernel: 1 2 3 / 4 5 6 / 7 8 9. Even places see the centre, odd ones both sides.
    expected = [[5, 4 + 60, 50, 40], [2, 1 + 30, 20, 10]]
    actual = conv.conv2d_transpose(x, kernel, form=form)
    np.testing.assert_allclose(actual[0, :, :, 0], expected, atol=1e-5)


def test_other_transposed_kernels_are_refused():
    with pytest.raises(ValueError, match="3x3 or 4x4"):
        conv.conv2d_transpose(jnp.zeros((1, 2, 2, 1)), jnp.zeros((5, 5, 1, 1)))


def test_upsampling_repeats_pixels():
    x = np.float32([[1, 2], [3, 4]]).reshape(1, 2, 2, 1)
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(conv.upsample(x)[0, :, :, 0], expected)


def direct(x, kernel, stride):
    kh, kw = kernel.shape[:2]
    rows = range(0, x.shape[1] - kh + 1, stride)
    columns = range(0, x.shape[2] - kw + 1, stride)
    return np.stack(
        [
            np.stack([np.einsum("bhwi,hwio->bo", x[:, r : r + kh, c : c + kw], kernel)], axis=1)
            for r in rows
            for c in columns
        ],
        axis=1,
    ).reshape(len(x), len(rows), len(columns), -1)


@pytest.mark.parametrize(("stride", "outputs"), [(1, 2), (1, 6), (2, 6)])
def test_conv2d_cross_correlates_without_padding(stride, outputs):
    x, kernel = draw(2, 6, 7, 3), draw(3, 3, 3, outputs)
    actual = conv.conv2d(x, kernel, stride=stride)
    np.testing.assert_allclose(actual, direct(x, kernel, stride), atol=1e-5)


def test_padding():
    x = np.float32([[1, 2, 3], [4, 5, 6]]).reshape(1, 2, 3, 1)
    reflected = conv.pad2d(x, 1, "reflect")[0, :, :, 0]
    np.testing.assert_array_equal(reflected[0], [5, 4, 5, 6, 5])
    np.testing.assert_array_equal(reflected[:, 0], [5, 2, 5, 2])
    zero = conv.pad2d(x, 1, "zero")[0, :, :, 0]
    np.testing.assert_array_equal(zero, np.pad(x[0, :, :, 0], 1))
    assert conv.pad2d(x, 0, "reflect") is x


def test_wrong_shapes_are_refused_where_signatures_say_them():
    x = np.zeros((1, 4, 4, 2), np.float32)
    with pytest.raises(TypeCheckError, match="x"):
        conv.upsample(x[0])
    with pytest.raises(TypeCheckError, match="kernel"):
        conv.depthwise_conv2d(x, np.zeros((3, 3, 1, 5), np.float32))
