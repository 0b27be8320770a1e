"""Convolutions with the geometry of the published networks, and the forms XLA needs on a CPU.

Images are NHWC and kernels HWIO. XLA's CPU backend has slow paths for three of the convolutions a
generator is made of (depthwise, transposed, few output channels); each has an equal form here that
avoids the slow path, chosen by backend inside one function. `tests/nn/test_conv.py` holds the two
forms of each equal, in value and in gradient.
"""

from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganc.nn.operation import operation, traced_whole
from ganc.types import AnyArray

Padding = Literal["zero", "reflect"]
Form = Literal["auto", "plain", "cpu"]

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")
# Up to this many output channels, XLA:CPU's convolution is a matrix product that is too narrow to
# be fast (7x7 16->3, one picture of 128 px: 3.6 ms against 0.8 ms as planes; with JAX 0.10, 64->3:
# 73 ms against 5.5 ms), and its weight gradient degenerates (7x7 64->3 at 256 px: 395 ms against
# 75 ms for one matrix product with the gathered output gradient).
_FEW_OUTPUTS = 4
# Output pixels of a strip: its planes should stay in the cache.
_STRIP = 128 * 128


def _on_cpu(form: Form) -> bool:
    auto = jax.default_backend() == "cpu" and not traced_whole()
    return form == "cpu" or (form == "auto" and auto)


@operation
def pad2d(
    x: Float[AnyArray, "b h w c"], amount: int, padding: Padding
) -> Float[AnyArray, "b h+2*{amount} w+2*{amount} c"]:
    """Pads height and width of `x` by `amount` on every side."""
    if amount == 0:
        return x
    spatial = ((0, 0), (amount, amount), (amount, amount), (0, 0))
    return jnp.pad(x, spatial, mode="reflect" if padding == "reflect" else "constant")


def conv2d(
    x: Float[AnyArray, "b h w i"],
    kernel: Float[AnyArray, "kh kw i o"],
    *,
    stride: int = 1,
    form: Form = "auto",
) -> Float[Array, "b (h-kh)//{stride}+1 (w-kw)//{stride}+1 o"]:
    """Cross-correlates `x` with `kernel`, without padding."""
    if stride == 1 and kernel.shape[3] <= _FEW_OUTPUTS and kernel.shape[0] > 1 and _on_cpu(form):
        return _conv2d_few_outputs(x, kernel)
    return _conv2d_plain(x, kernel, stride)


def _conv2d_plain(x: Any, kernel: Any, stride: int = 1) -> jax.Array:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), "VALID", dimension_numbers=_DIMENSIONS
    )


def _conv2d_planes(x: AnyArray, kernel: AnyArray) -> jax.Array:
    # One plane per tap and output channel, all in one matrix product, then their shifted sum; one
    # strip of rows of one picture at a time.
    kh, kw, _, channels_out = kernel.shape
    b, h, w = x.shape[0], x.shape[1] - kh + 1, x.shape[2] - kw + 1
    strips = -(-h * w // _STRIP)
    rows = -(-h // strips)
    x = jnp.pad(x, ((0, 0), (0, strips * rows - h), (0, 0), (0, 0)))
    parts = [x[:, i * rows : (i + 1) * rows + kh - 1] for i in range(strips)]

    def convolve(part: jax.Array) -> jax.Array:
        planes = jnp.einsum("hwc,ijco->ijohw", part, kernel)
        shifted = [planes[i, j, :, i : i + rows, j : j + w] for i in range(kh) for j in range(kw)]
        return sum(shifted[1:], shifted[0]).transpose(1, 2, 0)

    y = lax.map(convolve, jnp.stack(parts, axis=1).reshape(b * strips, *parts[0].shape[1:]))
    return y.reshape(b, strips * rows, w, channels_out)[:, :h]


@jax.custom_vjp
def _conv2d_few_outputs(x: AnyArray, kernel: AnyArray) -> jax.Array:
    return _conv2d_planes(x, kernel)


def _few_outputs_forward(x: AnyArray, kernel: AnyArray):
    return _conv2d_planes(x, kernel), (x, kernel)


def _few_outputs_backward(residuals, g: jax.Array):
    x, kernel = residuals
    kh, kw, channels_in, channels_out = kernel.shape
    _, h, w, _ = x.shape
    full = jnp.pad(g, ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
    grad_x = _conv2d_plain(full, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    # For every input pixel, gather the kh * kw * o output gradients it contributed to: the weight
    # gradient is then one matrix product over all pixels.
    gathered = jnp.concatenate(
        [
            full[:, kh - 1 - i : kh - 1 - i + h, kw - 1 - j : kw - 1 - j + w]
            for i in range(kh)
            for j in range(kw)
        ],
        axis=-1,
    )
    grad_kernel = jnp.einsum("bhwc,bhwk->ck", x, gathered)
    grad_kernel = grad_kernel.reshape(channels_in, kh, kw, channels_out).transpose(1, 2, 0, 3)
    return grad_x, grad_kernel


_conv2d_few_outputs.defvjp(_few_outputs_forward, _few_outputs_backward)


def depthwise_conv2d(
    x: Float[AnyArray, "b h w c"],
    kernel: Float[AnyArray, "kh kw 1 c"],
    *,
    stride: int = 1,
    form: Form = "auto",
) -> Float[Array, "b (h-kh)//{stride}+1 (w-kw)//{stride}+1 c"]:
    """Filters every channel of `x` with its own kernel, without padding.

    On a CPU the sum of kh * kw shifted products takes 0.4 ms where the grouped convolution takes
    16 ms (3x3, 256 channels, 64x64). It is fenced: what makes `x`, and what makes the gradient that
    comes back, would otherwise be computed anew within each of the products. The bits are the same;
    the gradient of a separable block takes 2.4 ms instead of 3.9 (128 channels, 32x32).
    """
    x, kernel = jnp.asarray(x), jnp.asarray(kernel)
    kh, kw, _, channels = kernel.shape
    if not _on_cpu(form):
        return lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            "VALID",
            dimension_numbers=_DIMENSIONS,
            feature_group_count=channels,
        )
    h, w = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    x = lax.optimization_barrier(x)
    taps = [
        x[:, i : i + h : stride, j : j + w : stride] * kernel[i, j, 0]
        for i in range(kh)
        for j in range(kw)
    ]
    return lax.optimization_barrier(sum(taps[1:], taps[0]))


def conv2d_transpose(
    x: Float[AnyArray, "b h w i"], kernel: Float[AnyArray, "k k i o"], *, form: Form = "auto"
) -> Float[Array, "b 2*h 2*w o"]:
    """Doubles the resolution of `x` with a transposed 3x3 or 4x4 convolution.

    The geometry is PyTorch's stride 2 and padding 1, with output_padding 1 for 3x3. The kernel is
    stored as lax correlates it: PyTorch's, flipped in height and width.
    """
    x, kernel = jnp.asarray(x), jnp.asarray(kernel)
    size = kernel.shape[0]
    if kernel.shape[:2] not in ((3, 3), (4, 4)):
        raise ValueError(f"conv2d_transpose takes a 3x3 or 4x4 kernel, got {kernel.shape[:2]}")
    if _on_cpu(form):
        return _conv2d_transpose_phases(x, kernel)
    pad = (size - 2, 2)
    return lax.conv_general_dilated(
        x, kernel, (1, 1), (pad, pad), lhs_dilation=(2, 2), dimension_numbers=_DIMENSIONS
    )


# Kernel size -> for even and for odd output places, the kernel rows that such a place sees, each
# with the input row it meets there: output place 2r + parity meets input row r + offset.
_TRANSPOSED_TAPS = {
    3: (((1, 0),), ((0, 0), (2, 1))),
    4: (((0, -1), (2, 0)), ((1, 0), (3, 1))),
}


def _conv2d_transpose_phases(x: AnyArray, kernel: AnyArray) -> jax.Array:
    # The output pixels of each of the four parities see a fixed subset of the taps. The subsets are
    # small products, interleaved at the end; their gradients are products too, where the gradient
    # of a dilated convolution takes XLA:CPU's slowest path (1431 ms against 56 ms).
    b, h, w, _ = x.shape
    taps = _TRANSPOSED_TAPS[kernel.shape[0]]
    before = -min(offset for parity in taps for _, offset in parity)
    padded = jnp.pad(x, ((0, 0), (before, 1), (before, 1), (0, 0)))

    def phase(rows, columns) -> jax.Array:
        products = [
            padded[:, before + down : before + down + h, before + right : before + right + w]
            @ kernel[row, column]
            for row, down in rows
            for column, right in columns
        ]
        return sum(products[1:], products[0])

    phases = [jnp.stack([phase(rows, columns) for columns in taps], axis=3) for rows in taps]
    return jnp.stack(phases, axis=2).reshape(b, 2 * h, 2 * w, kernel.shape[3])


@operation
def upsample(x: Float[AnyArray, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Doubles the resolution of `x` by repeating every pixel."""
    b, h, w, c = x.shape
    repeated = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return repeated.reshape(b, 2 * h, 2 * w, c)


def average_pool(
    x: Float[AnyArray, "b h w c"], stride: int = 2
) -> Float[Array, "b (h-1)//{stride}+1 (w-1)//{stride}+1 c"]:
    """The mean of a 3x3 window around every `stride`-th pixel of `x`.

    Only the pixels of the window that lie inside the picture count. The default halves the
    resolution, as between the scales of discriminators.
    """
    padding: Any = ((1, 1), (1, 1))
    return nn.avg_pool(x, (3, 3), (stride, stride), padding, count_include_pad=False)
