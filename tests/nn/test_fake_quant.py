"""The golden numbers are of Wang et al. 2020 (arXiv 2008.11062): their released rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.nn import fake_quant

INPUTS = np.float32([-1, 0, 0.003, 0.01, 0.0235, 1, 2, 3.99, 3.9999, 4, 5])
KERNEL = np.float32([-0.5, -0.251, 0, 0.001, 0.0019, 0.002, 0.1, 0.37, 0.5])
CODES = [-127, -64, 0, 0, 0, 1, 25, 94, 127]


def test_published_codes_of_activations():
    found = fake_quant.activations(INPUTS, 4.0, 256)
    np.testing.assert_array_equal(found * 64, [0, 0, 0, 1, 2, 64, 128, 255, 256, 256, 256])


def test_published_codes_of_weights():
    found = fake_quant.weights(KERNEL)
    np.testing.assert_allclose(found, np.array(CODES) * (0.5 / 127), rtol=1e-6)
    codes, scale = fake_quant.encode(KERNEL.reshape(9, 1), per_channel=False)
    assert codes.ravel().tolist() == CODES and codes.dtype == np.int8
    np.testing.assert_allclose(scale, [0.5 / 127], rtol=2**-16)


def test_gradients_pass_as_if_nothing_were_rounded():
    def total(x, clip, signed):
        return fake_quant.activations(x, clip, 256, signed=signed).sum()

    x = jnp.float32([-1, 0, 2, 4, 5])
    g, to_clip = jax.grad(total, (0, 1))(x, 4.0, False)
    assert g.tolist() == [0, 1, 1, 1, 0] and to_clip == 1
    g, to_clip = jax.grad(total, (0, 1))(jnp.float32([-6, -4, 1, 5, 7]), 4.0, True)
    assert g.tolist() == [0, 1, 1, 0, 0] and to_clip == 2 - 1
    weight = jax.grad(lambda k: (fake_quant.weights(k) * KERNEL).sum())(jnp.asarray(KERNEL))
    np.testing.assert_allclose(weight, KERNEL)


@pytest.mark.parametrize(("signed", "levels"), [(False, 255), (True, 127)])
def test_deployable_codes_fit_a_byte(signed, levels):
    x = np.linspace(-3, 3, 1001, dtype=np.float32)
    codes = np.unique(np.round(fake_quant.activations(x, 2.0, levels, signed=signed) * levels / 2))
    assert (codes[0], codes[-1]) == (-127 if signed else 0, levels)
    assert len(codes) == (255 if signed else 256)


@pytest.mark.parametrize("per_channel", [False, True])
def test_what_was_decoded_has_the_same_codes_and_scales(per_channel):
    kernel = np.random.default_rng(0).normal(0, 0.1, (3, 3, 5, 7)).astype(np.float32)
    kernel[..., 2] = 0
    codes, scale = fake_quant.encode(kernel, per_channel=per_channel)
    assert scale.shape == ((7,) if per_channel else (1,)) and not codes[..., 2].any()
    baked = fake_quant.decode(codes, scale)
    assert np.abs(baked - kernel).max() <= 0.51 * scale.max()
    again = fake_quant.encode(baked, per_channel=per_channel)
    np.testing.assert_array_equal(again[0], codes)
    np.testing.assert_array_equal(again[1][codes.any((0, 1, 2))], scale[codes.any((0, 1, 2))]) if (
        per_channel
    ) else np.testing.assert_array_equal(again[1], scale)
    np.testing.assert_array_equal(fake_quant.weights(baked, per_channel=per_channel), baked)
