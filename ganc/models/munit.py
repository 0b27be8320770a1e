"""The generator of MUNIT, dense or with separable residual blocks and up-sampling convolutions.

A picture is its content, a map, and its style, a few numbers; the generator decodes the content of
one picture in the style of another. It is the assembled one: content is encoded as in the source
domain, style encoded and everything decoded as in the target domain. The parameters of the four
networks stand under `style`, `content`, `mlp` and `decoder`, so that assembling is
`{**target, "content": source["content"]}`.

Reference: Huang et al. 2018 (arXiv 1804.04732) for the network; Li et al. 2020 (arXiv 2003.08936)
for the mobile variant and its architectures.

Differs from the reference: an architecture is priced as its exported model is, whose MLP gives no
more than its norms take. The reference's search prices the MLP at full width, up to 0.8 M
multiply-adds more; the pictures are the same.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
from flax.core import FrozenDict

from ganc.channels import read_widths
from ganc.errors import UserError
from ganc.models.build import build
from ganc.models.munit_layers import ContentEncoder, Decoder, Mlp, StyleEncoder, adaptive_groups
from ganc.types import Generator, Masks, Output, Params, Slot, Widths

_STYLE = FrozenDict({f"style{i}": times for i, times in enumerate((1, 2, 4, 4, 4))})
"""The channel groups of the style encoder, always four times strided, and their multipliers."""


@dataclass(frozen=True)
class Spec:
    """A member of the family.

    Attributes:
        ngf: base width; 64 in every published model.
        separable: the mobile variant.
        downs: times that the content encoder halves the resolution.
        blocks: residual blocks of the content encoder, and of the decoder; even.
        style_dim: numbers in a style.
        mlp_dim: width of the hidden layers between a style and the adaptive norms.
    """

    ngf: int = 64
    separable: bool = False
    downs: int = 2
    blocks: int = 4
    style_dim: int = 8
    mlp_dim: int = 256

    def __post_init__(self) -> None:
        for name in ("ngf", "downs", "style_dim", "mlp_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.blocks < 2 or self.blocks % 2:
            raise ValueError(f"blocks must be a positive multiple of 2, got {self.blocks}")

    @property
    def encoder_groups(self) -> tuple[str, ...]:
        """The channel groups of the content encoder's convolutions before its blocks."""
        return "stem", *(f"down{i}" for i in range(1, self.downs)), "trunk"

    @property
    def decoder_groups(self) -> tuple[str, ...]:
        """The channel groups of the convolutions that follow the decoder's up-samplings."""
        return tuple(f"up{i}" for i in range(1, self.downs + 1))

    def blocks_of(self, part: str) -> tuple[str, ...]:
        """The inner channel groups of the blocks of a `part`: "content" or "decoder"."""
        return tuple(f"{part}_block{i}" for i in range(self.blocks))

    def slots(self) -> tuple[Slot, ...]:
        """The entries of gan-compression's architecture strings, in their order."""
        inner = [
            Slot.of(f"{part}{i}", 2**self.downs, *self.blocks_of(part)[2 * i : 2 * i + 2])
            for part in ("content", "decoder")
            for i in range(self.blocks // 2)
        ]
        return (
            Slot("style", _STYLE),
            *(Slot.of(group, 2**i) for i, group in enumerate(self.encoder_groups)),
            *inner,
            *(Slot.of(g, 2 ** (self.downs - i)) for i, g in enumerate(self.decoder_groups, 1)),
        )


def generator(spec: Spec) -> Generator:
    """The generator of `spec`, with the ten slots of gan-compression's architecture strings.

    `apply` takes `style` (b style_dim); without it, a picture is decoded in its own style. Two
    blocks share a slot.

    The tap `content`, the one position that Li et al. distil, is the output of the content encoder,
    in the channel group `trunk`. They distil the style too: `encode_style` gives it.
    """
    return build(
        lambda widths: Munit(spec, widths),
        slots=spec.slots(),
        base=spec.ngf,
        taps={"content": "trunk"},
        divisor=2**spec.downs,
        minimum=max(16, 2 ** (spec.downs + 1)),  # reflecting one pixel needs two to the last
        spec=spec,
    )


def encode_style(
    generator: Generator, params: Params, x: jax.Array, masks: Masks | None = None
) -> jax.Array:
    """The styles (b style_dim) of pictures (b h w 3); `masks` as in `Generator.apply`."""
    return _method("encode_style", generator, params, x, masks)


def encode_content(
    generator: Generator, params: Params, x: jax.Array, masks: Masks | None = None
) -> jax.Array:
    """The contents of pictures (b h w 3): what `Generator.apply` returns as the tap `content`."""
    return _method("encode_content", generator, params, x, masks)


def decode(
    generator: Generator,
    params: Params,
    content: jax.Array,
    style: jax.Array,
    masks: Masks | None = None,
) -> jax.Array:
    """Pictures (b h w 3) from contents (b h' w' trunk) and styles (b style_dim)."""
    return _method("decode", generator, params, content, style, masks)


def _method(name: str, generator: Generator, params: Params, *args: Any) -> jax.Array:
    module = Munit(generator.spec, read_widths(params, generator.axes))
    result: Any = module.apply({"params": params}, *args, method=name)
    return result


class Munit(nn.Module):
    """The network at given channel widths."""

    spec: Spec
    widths: Widths

    def setup(self) -> None:
        """The four networks that it is assembled of."""
        spec, widths = self.spec, self.widths
        blocks = spec.blocks_of("decoder")
        adaptive = adaptive_groups(blocks)
        features = sum(widths[group] for group in adaptive)
        self.style = StyleEncoder(widths, tuple(_STYLE), spec.style_dim)
        self.content = ContentEncoder(
            widths, spec.encoder_groups, spec.blocks_of("content"), spec.separable
        )
        self.mlp = Mlp(spec.mlp_dim, features, adaptive)
        self.decoder = Decoder(widths, blocks, spec.decoder_groups, spec.separable)

    def __call__(
        self,
        x: jax.Array,
        masks: Masks | None = None,
        momentum: float | None = None,
        style: jax.Array | None = None,
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape, in `style` (b style_dim)."""
        del momentum
        if style is None:
            style = self.encode_style(x, masks)
        elif style.shape != (len(x), self.spec.style_dim):
            expected = f"({len(x)}, {self.spec.style_dim})"
            raise UserError(f"a style per picture is {expected}, got {style.shape}")
        content = self.encode_content(x, masks)
        return Output(self.decode(content, style, masks), {"content": content})

    def encode_style(self, x: jax.Array, masks: Masks | None = None) -> jax.Array:
        """Pictures (b h w 3) to styles (b style_dim)."""
        return self.style(x, masks)

    def encode_content(self, x: jax.Array, masks: Masks | None = None) -> jax.Array:
        """Pictures (b h w 3) to contents (b h' w' trunk)."""
        return self.content(x, masks)

    def decode(self, content: jax.Array, style: jax.Array, masks: Masks | None = None) -> jax.Array:
        """Contents (b h' w' trunk) and styles (b style_dim) to pictures (b h w 3)."""
        return self.decoder(content, self.mlp(style), masks)
