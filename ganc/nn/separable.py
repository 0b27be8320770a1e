"""The separable convolution of the mobile networks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax

from ganc.nn.call import Gate
from ganc.nn.conv import Padding
from ganc.nn.initial import NORMAL, Initial
from ganc.nn.layers import Conv, DepthwiseConv
from ganc.nn.norm import InstanceNorm


@dataclass(frozen=True)
class SeparableConv:
    """Depthwise convolution, instance norm, pointwise convolution; the resolution stays.

    It is made and called like a `Conv` inside a compact Flax module, to which the two convolutions
    then belong, as `<name>_depthwise` and `<name>_pointwise`.

    Attributes:
        features: output channels.
        groups: the channel groups of input and output.
        name: of the whole.
        size: height and width of the depthwise kernel, odd.
        padding: of the depthwise convolution.
        use_bias: of both.
        initial: the distribution of the initial weights.

    Reference: Li et al. 2020 (arXiv 2003.08936) put the norm between the two.
    """

    features: int
    groups: tuple[str, str]
    name: str
    size: int = 3
    padding: Padding = "reflect"
    use_bias: bool = True
    initial: Initial = NORMAL

    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w i), where inactive channels may hold anything, to (b h w o), not gated."""
        source, _ = self.groups
        conv = partial(DepthwiseConv, size=self.size, pad=self.size // 2, padding=self.padding)
        options: dict = {"use_bias": self.use_bias, "initial": self.initial}
        x = conv(x.shape[-1], (source, source), name=f"{self.name}_depthwise", **options)(x)
        # The bias makes an inactive channel constant; the norm brings it back to almost zero and
        # the gate to exactly zero.
        x = Gate(source)(InstanceNorm(source)(x))
        name = f"{self.name}_pointwise"
        return Conv(self.features, self.groups, size=1, name=name, **options)(x)


def same_conv(
    separable: bool, size: int = 3, padding: Padding = "reflect"
) -> Callable[..., Conv | SeparableConv]:
    """The convolution that keeps the resolution, without its channels: separable, or dense."""
    if separable:
        return partial(SeparableConv, size=size, padding=padding)
    return partial(Conv, size=size, pad=size // 2, padding=padding)
