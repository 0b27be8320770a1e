"""Spectral norm: convolutions whose kernel is divided by an estimate of its largest singular value.

The estimate's two vectors are running statistics. They have the kernel's full size and belong to no
channel group: what is left of a singular vector after slicing is none. A network is therefore
sliced after `fold`, as in the published pipeline.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax

from ganc.errors import UserError
from ganc.nn.call import Layer
from ganc.nn.layers import Conv, logical
from ganc.nn.norm import STATISTICS
from ganc.types import Params


class SpectralConv(Layer):
    """A convolution with the kernel $W / \\sigma$ instead of W, where $\\sigma = u^T W v$.

    W is the kernel as the matrix (o, i kh kw) that PyTorch makes of it; v is in that order too.
    Gradients pass through W in both places, u and v are constants. They stand beside the kernel,
    under the name of the convolution. A call with a momentum, whatever it is, takes one power
    iteration first.

    Attributes:
        conv: the convolution.

    Reference: Miyato et al. 2018 (arXiv 1802.05957), with one power iteration a step.
    """

    conv: Conv

    def setup(self) -> None:
        """Has u and v stand where the convolution's own parameters do."""
        nn.share_scope(self, self.conv)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i) to (b h' w' o).

        Raises:
            UserError: there are masks, or the kernel was sliced.
        """
        if self.masks is not None:
            raise UserError("a network with spectral norm takes no masks: fold it first")
        return self.conv(x, self._divided)

    def _divided(self, kernel: jax.Array) -> jax.Array:
        w = _matrix(kernel)
        u, v = self._vector("u", w.shape[0]), self._vector("v", w.shape[1])
        if (*u.value.shape, *v.value.shape) != w.shape:
            raise UserError(
                f"spectral norm of a kernel {kernel.shape}: u and v have {u.value.size} and "
                f"{v.value.size} elements, expected {w.shape[0]} and {w.shape[1]}; "
                "a network is sliced after its spectral norm is folded"
            )
        if self.momentum is not None:
            fixed = lax.stop_gradient(w)
            v.value = _unit(fixed.T @ u.value)
            u.value = _unit(fixed @ v.value)
        return kernel / (lax.stop_gradient(u.value) @ w @ lax.stop_gradient(v.value))

    def _vector(self, name: str, size: int) -> Any:
        draw = logical(lambda key: _unit(jax.random.normal(key, (size,))), None)
        return self.variable(STATISTICS, name, lambda: draw(self.make_rng("params")))


def fold(params: Params) -> Params:
    """`params` with every kernel that has a `u` and a `v` beside it divided by its $u^T W v$."""
    flat: dict[tuple[str, ...], Any] = dict(flatten_dict(params))
    for place in [path[:-1] for path in flat if path[-1] == "u"]:
        kernel, u, v = flat[*place, "kernel"], flat.pop((*place, "u")), flat.pop((*place, "v"))
        flat[*place, "kernel"] = kernel / (u @ _matrix(kernel) @ v)
    return unflatten_dict(flat)


def _matrix(kernel: Any) -> Any:
    return kernel.transpose(3, 2, 0, 1).reshape(kernel.shape[3], -1)


def _unit(x: jax.Array) -> jax.Array:
    return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
