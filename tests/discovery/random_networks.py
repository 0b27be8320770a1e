"""Networks of random operations, some of which nobody can slice, as functions of their parameters.

A network of a seed is always the same: its operations are drawn from those that fit the activation
at hand, (b h w c), until there are enough.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Params = dict[str, np.ndarray]


class Tape:
    """What draws the numbers of one network, and makes its parameters as they are asked for."""

    def __init__(self, seed: int, given: Mapping[str, Any] | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.params: Params = {}
        self._given = given

    def weights(self, *shape: int) -> Any:
        name = f"w{len(self.params):02d}"
        values = np.float32(self.rng.normal(0, 1 / np.sqrt(max(1, np.prod(shape[:-1]))), shape))
        self.params[name] = values + (len(shape) == 1)
        return self.params[name] if self._given is None else self._given[name]

    def width(self) -> int:
        return int(self.rng.choice([4, 6, 8]))

    def one_of(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]


def convolve(x, kernel, blocks=1, **options):
    numbers = ("NHWC", "HWIO", "NHWC")
    strides = options.pop("strides", (1, 1))
    return lax.conv_general_dilated(
        x, kernel, strides, "SAME", dimension_numbers=numbers, feature_group_count=blocks, **options
    )


def conv(t, x):
    size = t.one_of(1, 3)
    return convolve(x, t.weights(size, size, x.shape[-1], t.width()))


def channels_first(t, x):
    kernel = t.weights(t.width(), x.shape[-1], 1, 1)
    y = lax.conv_general_dilated(x.transpose(0, 3, 1, 2), kernel, (1, 1), "VALID")
    return y.transpose(0, 2, 3, 1)


def depthwise(t, x):
    times = t.one_of(1, 2)
    return convolve(x, t.weights(3, 3, 1, x.shape[-1] * times), x.shape[-1])


def in_blocks(t, x):
    return convolve(x, t.weights(1, 1, x.shape[-1] // 2, 8), 2)


def dense(t, x):
    return jnp.einsum("bhwi,io->bhwo", x, t.weights(x.shape[-1], t.width()))


def transposed(t, x):
    kernel = t.weights(x.shape[-1], t.width(), 2, 2)
    return jnp.einsum("bhwi,iopq->bhpwqo", x, kernel).reshape(
        x.shape[0], 2 * x.shape[1], 2 * x.shape[2], -1
    )[:, ::2, ::2]


def bias(t, x):
    return x + t.weights(x.shape[-1])


def activation(t, x):
    return t.one_of(jax.nn.relu, jnp.tanh, jax.nn.gelu, jax.nn.sigmoid, jax.nn.softplus, jnp.exp)(
        0.5 * x
    )


def slope(t, x):
    return jnp.where(x > 0, x, t.weights(x.shape[-1]) * x)


def layer_norm(t, x):
    axes = t.one_of((-1,), (1, 2, 3), (1, 2))
    y = (x - x.mean(axes, keepdims=True)) * lax.rsqrt(x.var(axes, keepdims=True) + 1e-2)
    return y * t.weights(x.shape[-1])


def scaled_norm(t, x):
    y = (x - x.mean((1, 2), keepdims=True)) * lax.rsqrt(x.var((1, 2), keepdims=True) + 1e-2)
    return y * t.weights(x.shape[-1]) + t.one_of(0.0, t.weights(x.shape[-1]))


def group_norm(t, x):
    y = x.reshape(*x.shape[:3], 2, x.shape[-1] // 2)
    y = (y - y.mean((1, 2, 4), keepdims=True)) / jnp.sqrt(y.var((1, 2, 4), keepdims=True) + 1e-2)
    return y.reshape(x.shape)


def pixel_norm(t, x):
    return x / jnp.sqrt(jnp.mean(jnp.square(x), -1, keepdims=True) + 1e-2)


def residual(t, x):
    y = jnp.tanh(x @ t.weights(x.shape[-1], t.width()))
    return x + y @ t.weights(y.shape[-1], x.shape[-1])


def branches(t, x):
    return jnp.concatenate([conv(t, x), t.one_of(x, jnp.tanh(dense(t, x)))], -1)


def gated(t, x):
    a, b = jnp.split(x, 2, -1)
    return a * jax.nn.sigmoid(b)


def halves(t, x):
    n = x.shape[-1] // 2
    return t.one_of(jnp.concatenate([x[..., n:], x[..., :n]], -1), x[..., :n] + x[..., n:])


def squeezed(t, x):
    return x * jax.nn.sigmoid(dense(t, dense(t, x.mean((1, 2), keepdims=True))).mean(-1)[..., None])


def attention(t, x):
    b, h, w, c = x.shape
    heads = x.reshape(b, h * w, 2, c // 2)
    q, k = (jnp.einsum("bnhc,hcd->bnhd", heads, t.weights(2, c // 2, 3)) for _ in range(2))
    scores = jax.nn.softmax(jnp.einsum("bnhd,bmhd->bhnm", q, k))
    return x + jnp.einsum("bhnm,bmhd->bnhd", scores, heads).reshape(x.shape)


def shuffled(t, x):
    b, h, w, c = x.shape
    y = x @ t.weights(c, 4 * 3)
    order = t.one_of((0, 1, 3, 2, 4, 5), (0, 1, 4, 2, 5, 3))
    shape = (b, h, w, 2, 2, 3) if order[2] == 3 else (b, h, w, 3, 2, 2)
    return y.reshape(shape).transpose(order).reshape(b, 2 * h, 2 * w, 3)[:, ::2, 1::2]


def looped(t, x):
    c, layers = x.shape[-1], t.weights(2, x.shape[-1], x.shape[-1])
    body = lambda y, w: (y + jnp.tanh(y @ w), y.mean())  # noqa: E731
    body = t.one_of(body, jax.checkpoint(body))
    return lax.scan(body, x, layers)[0] / c


def pooled(t, x):
    reducer = t.one_of((lax.add, 0.0), (lax.max, -jnp.inf))
    return lax.reduce_window(x, reducer[1], reducer[0], (1, 3, 3, 1), (1, 1, 1, 1), "SAME")


def padded(t, x):
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=t.one_of("constant", "reflect"))[
        :, 1:-1, 1:-1
    ]


def picked(t, x):
    rows = np.array([1, 0, 2, 3])
    return t.one_of(x[:, rows], x.at[:, 1].set(x[:, 0]), x.at[:, rows[:2]].add(x[:, :2]))


def flattened(t, x):
    b, h, w, c = x.shape
    return (x.reshape(b, h * w * c) @ t.weights(h * w * c, h * w * 4)).reshape(b, h, w, 4)


@jax.custom_vjp
def _doubled(x):
    return 2 * x


_doubled.defvjp(lambda x: (2 * x, None), lambda _, g: (g,))


def own_derivative(t, x):
    return _doubled(x)


def strange(t, x):
    """What is refused, or holds its channels."""
    return t.one_of(
        jax.nn.softmax(x),
        jnp.cumsum(x, -1),
        jnp.roll(x, 1, -1),
        x[..., ::-1],
        x * np.linspace(0.5, 1, x.shape[-1], dtype=np.float32),
        jnp.repeat(x[..., : x.shape[-1] // 2], 2, -1),
        x.max(-1, keepdims=True) + x,
        jnp.pad(x, ((0, 0),) * 3 + ((1, 1),))[..., :-2],
        lax.cond(x.mean() > 0, jnp.sin, jnp.tanh, x),
        jnp.sort(x, -1),
        x.at[..., 0].set(0.0),
    )


Operation = Callable[[Tape, Any], Any]
OPERATIONS: tuple[Operation, ...] = (
    *(conv, channels_first, depthwise, in_blocks, dense, transposed, bias, activation, slope),
    *(
        layer_norm,
        scaled_norm,
        group_norm,
        pixel_norm,
        residual,
        branches,
        gated,
        halves,
        squeezed,
        attention,
    ),
    *(shuffled, looped, pooled, padded, picked, flattened, own_derivative, strange),
)


SCALING = (
    *(
        conv,
        depthwise,
        dense,
        transposed,
        bias,
        activation,
        slope,
        residual,
        branches,
        gated,
        halves,
    ),
    *(pooled, padded, picked, looped, *[scaled_norm] * 8),
)
"""Those that leave channels apart, and many scales."""


def run(tape: Tape, x: Any, length: int, operations: Sequence[Operation]) -> Any:
    """A network of so many operations."""
    y = conv(tape, x)
    for _ in range(length):
        operation = tape.one_of(*operations)
        y = operation(tape, y if y.shape[-1] % 2 == 0 else conv(tape, y))
    return jnp.tanh(dense(tape, y)[..., :1] + y @ tape.weights(y.shape[-1], 3))


def network(
    seed: int, length: int, operations: Sequence[Operation] = OPERATIONS
) -> tuple[Callable[[Params, Any], Any], Params]:
    """The function of a seed, and its parameters."""
    tape, x = Tape(seed), np.zeros((2, 4, 4, 3), np.float32)
    jax.eval_shape(lambda x: run(tape, x, length, operations), x)
    return lambda params, x: run(Tape(seed, params), x, length, operations), tape.params
