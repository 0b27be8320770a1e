"""The residual block that OMGD deepens its teachers with.

Reference: Ren et al. 2021 (arXiv 2108.06908), released code.

Differs from the reference: it has a dropout of rate 0, which is left out.
"""

import flax.linen as nn
import jax

from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.norm import Norm
from ganc.types import Channels, Widths


def inner_groups(name: str, multiplier: int) -> dict[str, int]:
    """The channel groups inside the block called `name`, each with its multiplier.

    Args:
        name: of the module.
        multiplier: that of the channels which go through the block.
    """
    return {
        f"{name}_wide1": 4 * multiplier,
        f"{name}_wide2": 4 * multiplier,
        f"{name}_thin": multiplier,
    }


class Expansion(nn.Module):
    """x + F(x); F convolves by 1x1, 3x3, 1x1 and 3x3, to 4, 4, 1 and 1 times the channels of x.

    A norm follows each, a ReLU all but the last. The first is padded though it is 1x1, so its norm
    measures the border too; the 3x3 behind it takes that border off.
    """

    widths: Widths
    trunk: Channels
    norm: Norm

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b h w trunk) to the same shape."""
        wide1, wide2, thin = inner_groups(str(self.name), 1)
        layer = cyclegan_layer(self.norm, self.widths, padding="reflect")
        y = layer(x, self.trunk, wide1, name="conv1", size=1, pad=1)
        y = layer(y, wide1, wide2, name="conv2")
        y = layer(y, wide2, thin, name="conv3", size=1)
        return x + layer(y, thin, self.trunk, name="conv4", pad=1, activation=None)
