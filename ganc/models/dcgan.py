"""DCGAN: pictures out of noise, and the discriminator that it learns from.

Reference: Radford et al. 2015 (arXiv 1511.06434), in the form of PyTorch's own example: the
discriminator's strided convolutions have no biases, all weights are drawn from N(0, 0.02) and the
scales of batch norms from N(1, 0.02).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.models.build import build, build_discriminator
from ganc.models.specs import check_spec
from ganc.nn.conv_norm import cyclegan_layer
from ganc.nn.layers import ConvTranspose, leaky
from ganc.types import Discriminator, Generator, Output, Slot, Verdict, Widths, slot


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width: that of the last stage but one.
        noise: numbers that a picture is made of.
        side: of the picture, px: a power of 2, at least 16.
    """

    ngf: int = 64
    noise: int = 100
    side: int = 64

    def __post_init__(self) -> None:
        check_spec(self, least={"ngf": 1, "noise": 1, "side": 16})
        _check_side(self.side)
        if self.noise > 3 * self.side**2:
            raise ValueError(f"noise must be at most {3 * self.side**2}, got {self.noise}")

    @property
    def stages(self) -> int:
        """Stages between the noise and the picture; the first makes 4x4 px."""
        return self.side.bit_length() - 3

    def slots(self) -> tuple[Slot, ...]:
        """One entry per stage."""
        last = self.stages - 1
        return tuple(slot(f"stage{i}", 2 ** (last - i)) for i in range(self.stages))


@dataclass(frozen=True)
class DiscriminatorSpec:
    """The discriminator.

    Attributes:
        ndf: base width.
        side: of the pictures, px: a power of 2, at least 16.
    """

    ndf: int = 64
    side: int = 64

    def __post_init__(self) -> None:
        check_spec(self, least={"ndf": 1, "side": 16})
        _check_side(self.side)


def _check_side(side: int) -> None:
    if side & (side - 1):
        raise ValueError(f"side must be a power of 2, got {side}")


def generator(spec: Spec) -> Generator:
    """The generator of `spec`.

    It takes `noise` (b n), and of its other input no more than how many pictures are wanted, as
    generators of all families are given pictures. Without `noise` the first numbers of that picture
    are the noise. Taps: every other stage's output, `stage0`, `stage2` and so on.
    """
    return build(
        lambda widths: Dcgan(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={f"stage{i}": f"stage{i}" for i in range(0, spec.stages, 2)},
        divisor=spec.side,
        minimum=spec.side,
        spec=spec,
    )


def discriminator(spec: DiscriminatorSpec) -> Discriminator:
    """The discriminator of `spec`: one logit (b 1 1 1) for a picture, no sigmoid."""
    return build_discriminator(DcganDiscriminator(spec), 3, spec, side=spec.side)


class Dcgan(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    @nn.compact
    def __call__(self, x: jax.Array, noise: jax.Array | None = None) -> Output:
        """Pictures (b s s 3), whose number counts, and noise (b n) to pictures (b s s 3)."""
        spec = self.spec
        if x.shape[1:3] != (spec.side, spec.side):
            raise ValueError(f"it draws {spec.side} px, asked were {x.shape[1]}x{x.shape[2]}")
        if noise is None:
            noise = x.reshape(x.shape[0], -1)[:, : spec.noise]
        layer = cyclegan_layer("batch", self.widths, size=4)
        x = layer(noise[:, None, None], None, "stage0", kind=Unfold)
        taps = {"stage0": x}
        for i in range(1, spec.stages):
            x = layer(x, f"stage{i - 1}", f"stage{i}", kind=ConvTranspose)
            if i % 2 == 0:
                taps[f"stage{i}"] = x
        last = (f"stage{spec.stages - 1}", None)
        head = ConvTranspose(3, last, size=4, use_bias=False, name="head")
        return Output(jnp.tanh(head(x)), taps)


class Unfold(ConvTranspose):
    """The transposed convolution of a single pixel: it becomes as large as the kernel."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(b 1 1 i) to (b k k o)."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel, bias = self.weights(shape, (None, None, *self.groups), transposed=True)
        # Transposed kernels are stored flipped, see `nn.conv.conv2d_transpose`.
        return jnp.einsum("bi,hwio->bhwo", x[:, 0, 0], kernel[::-1, ::-1]) + bias


class DcganDiscriminator(nn.Module):
    """One logit per picture."""

    spec: DiscriminatorSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Pictures (b s s 3) to logits (b 1 1 1)."""
        layer: Any = partial(
            cyclegan_layer("batch", {}, size=4, activation=leaky), source=None, group=None
        )
        stages = self.spec.side.bit_length() - 3
        for i in range(stages):
            options = {} if i else {"norm": None}
            features = self.spec.ndf * 2**i
            x = layer(x, name=f"conv{i}", features=features, stride=2, pad=1, **options)
        last = {"features": 1, "norm": None, "activation": None}
        return Verdict(layer(x, name=f"conv{stages}", **last))
