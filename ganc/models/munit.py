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
import jax.numpy as jnp
from flax.core import FrozenDict
from jaxtyping import Array, Float

from ganc.channels import read_widths
from ganc.errors import UserError
from ganc.models.build import build
from ganc.models.munit_layers import ContentEncoder, Decoder, Mlp, StyleEncoder, adaptive_groups
from ganc.models.specs import check_spec
from ganc.nn.call import bind
from ganc.types import AnyArray, Generator, Masks, Output, Params, Slot, Widths, slot

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
        least: dict[str, int] = dict.fromkeys(("ngf", "downs", "style_dim", "mlp_dim"), 1)
        check_spec(self, least=least, multiples={"blocks": 2})

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
            slot(f"{part}{i}", 2**self.downs, *self.blocks_of(part)[2 * i : 2 * i + 2])
            for part in ("content", "decoder")
            for i in range(self.blocks // 2)
        ]
        return (
            Slot("style", _STYLE),
            *(slot(group, 2**i) for i, group in enumerate(self.encoder_groups)),
            *inner,
            *(slot(g, 2 ** (self.downs - i)) for i, g in enumerate(self.decoder_groups, 1)),
        )


def generator(spec: Spec) -> Generator:
    """The generator of `spec`, with the ten slots of gan-compression's architecture strings.

    `apply` takes `style` (b style_dim); without it, a picture is decoded in its own style. With
    `reference` (b h w 3) and `encoded` (b), it is decoded in the style of its reference where
    `encoded` is true, and in `style` elsewhere; that is then in the output's taps too, as `style`.
    Two blocks share a slot.

    The tap `content`, the one position that Li et al. distil, is the output of the content encoder,
    in the channel group `trunk`. They distil the style too: `encode_style` gives it.
    """
    return build(
        lambda widths: Munit(widths, spec),
        slots=spec.slots(),
        base=spec.ngf,
        taps={"content": "trunk"},
        divisor=2**spec.downs,
        minimum=max(16, 2 ** (spec.downs + 1)),  # reflecting one pixel needs two to the last
        spec=spec,
    )


def encode_style(
    generator: Generator,
    params: Params,
    x: Float[AnyArray, "b h w 3"],
    masks: Masks | None = None,
) -> Float[Array, "b {generator.spec.style_dim}"]:
    """The styles of pictures; `masks` as in `Generator.apply`."""
    return _call("encode_style", generator, params, masks, x)


def encode_content(
    generator: Generator,
    params: Params,
    x: Float[AnyArray, "b h w 3"],
    masks: Masks | None = None,
) -> Float[Array, "b h//2**{generator.spec.downs} w//2**{generator.spec.downs} trunk"]:
    """The contents of pictures: what `Generator.apply` returns as the tap `content`."""
    return _call("encode_content", generator, params, masks, x)


def decode(
    generator: Generator,
    params: Params,
    content: Float[AnyArray, "b h w trunk"],
    style: Float[AnyArray, "b {generator.spec.style_dim}"],
    masks: Masks | None = None,
) -> Float[Array, "b h*2**{generator.spec.downs} w*2**{generator.spec.downs} 3"]:
    """Pictures from contents and styles."""
    return _call("decode", generator, params, masks, content, style)


def _call(
    method: str, generator: Generator, params: Params, masks: Masks | None, *args: AnyArray
) -> jax.Array:
    module = Munit(read_widths(params, generator.axes), generator.spec)
    result: Any = module.apply({"params": params, **bind(masks)}, *args, method=method)
    return result


class Munit(nn.Module):
    """The network at given channel widths."""

    widths: Widths
    spec: Spec

    def setup(self) -> None:
        """Makes the four networks that it is assembled of."""
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
        x: AnyArray,
        style: AnyArray | None = None,
        reference: AnyArray | None = None,
        encoded: AnyArray | None = None,
    ) -> Output:
        """Pictures (b h w 3) to pictures of the same shape, in a style; see `generator`."""
        if style is None:
            style = self.encode_style(x)
        elif style.shape != (x.shape[0], self.spec.style_dim):
            expected = f"({x.shape[0]}, {self.spec.style_dim})"
            raise UserError(f"a style per picture is {expected}, got {style.shape}")
        content = self.encode_content(x)
        taps = {"content": content}
        if reference is not None and encoded is not None:
            style = jnp.where(encoded[:, None], self.encode_style(reference), style)
            taps["style"] = style
        return Output(self.decode(content, style), taps)

    def encode_style(self, x: AnyArray) -> jax.Array:
        """Pictures (b h w 3) to styles (b style_dim)."""
        return self.style(jnp.asarray(x))

    def encode_content(self, x: AnyArray) -> jax.Array:
        """Pictures (b h w 3) to contents (b h' w' trunk)."""
        return self.content(jnp.asarray(x))

    def decode(self, content: AnyArray, style: AnyArray) -> jax.Array:
        """Contents (b h' w' trunk) and styles (b style_dim) to pictures (b h w 3)."""
        return self.decoder(jnp.asarray(content), self.mlp(jnp.asarray(style)))
