"""The separable convolution of the mobile networks."""

import jax

from ganc.nn.conv import Padding
from ganc.nn.initial import NORMAL, Initial
from ganc.nn.layers import Conv, DepthwiseConv, gate
from ganc.nn.norm import InstanceNorm
from ganc.types import Masks


def separable_conv(
    x: jax.Array,
    features: int,
    groups: tuple[str, str],
    masks: Masks | None,
    *,
    name: str,
    size: int = 3,
    padding: Padding = "reflect",
    initial: Initial = NORMAL,
) -> jax.Array:
    """Depthwise convolution, instance norm, pointwise convolution; the resolution stays.

    Call it inside a compact Flax module, to which the two layers then belong.

    Args:
        x: (b h w i); inactive channels may hold anything.
        features: output channels, o.
        groups: the channel groups of input and output.
        masks: which channels are active.
        name: of the layers, before `_depthwise` and `_pointwise`.
        size: height and width of the depthwise kernel, odd.
        padding: of the depthwise convolution.
        initial: the distribution of the initial weights.

    Returns: (b h w o), not gated.

    Reference: Li et al. 2020 (arXiv 2003.08936) put the norm between the two.
    """
    source, _ = groups
    options: dict = {"size": size, "pad": size // 2, "padding": padding, "initial": initial}
    depthwise = DepthwiseConv(x.shape[-1], (source, source), **options, name=f"{name}_depthwise")
    # The bias makes an inactive channel constant; the norm brings it back to almost zero and the
    # gate to exactly zero.
    x = gate(InstanceNorm(source)(depthwise(x)), masks, source)
    return Conv(features, groups, size=1, initial=initial, name=f"{name}_pointwise")(x)
