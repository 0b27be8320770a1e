"""The layer that networks are made of: a convolution, a norm, an activation and the gate."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax

from ganc import channels
from ganc.nn.call import Gate
from ganc.nn.layers import Conv
from ganc.nn.norm import Norm, norm_layer
from ganc.types import Group, Widths

Normaliser = Callable[[Group, str], Callable[[jax.Array], jax.Array]]
"""Channel group and name -> a norm, such as `norm_layer` of one kind."""


def conv_norm(
    x: jax.Array,
    source: Group,
    group: Group,
    *,
    widths: Widths,
    name: str = "",
    features: int | None = None,
    kind: Callable[..., Callable[[jax.Array], jax.Array]] = Conv,
    norm: Normaliser | None = None,
    activation: Callable[[jax.Array], jax.Array] | None = nn.relu,
    **options: Any,
) -> jax.Array:
    """One layer: gate(activation(norm(convolution(x)))).

    Call it inside a compact Flax module, to which its parts then belong. A network binds with
    `functools.partial` what all its layers have in common.

    Args:
        x: (b h w i); inactive channels are zero.
        source: the channel groups of the input.
        group: those of the output.
        widths: channel group -> width.
        name: of the convolution, and before `_norm` that of the norm; by default `group`.
        features: output channels, where they are fixed.
        kind: the convolution: `Conv` or what is made like it.
        norm: the norm; None for none.
        activation: None for none.
        options: further fields of the convolution.

    Returns: (b h' w' o), inactive channels exactly zero.
    """
    name = name or str(group)
    features = channels.count(group, widths) if features is None else features
    x = kind(features, (source, group), name=name, **options)(x)
    if norm is not None:
        x = norm(group, f"{name}_norm")(x)
    if activation is not None:
        x = activation(x)
    return Gate(group)(x)


def cyclegan_layer(norm: Norm, widths: Widths, /, **options: Any) -> Callable[..., jax.Array]:
    """`conv_norm` with a norm of the CycleGAN and pix2pix line.

    A bias before a batch norm would do nothing, and there is none. Before an instance norm it does
    nothing either, but every published network has it.
    """
    options = {"norm": partial(norm_layer, norm), "use_bias": norm != "batch", **options}
    return partial(conv_norm, widths=widths, **options)
