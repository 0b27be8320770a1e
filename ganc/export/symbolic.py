"""A generator as a function of its inputs alone, and inputs whose sizes are symbols."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import export

from ganc.types import Generator, Model


def style_dim(generator: Generator, own_style: bool) -> int:
    """Numbers in a style that is an input; 0 where none is."""
    return 0 if own_style else getattr(generator.spec, "style_dim", 0)


def symbolic_inputs(
    generator: Generator, size: tuple[int, int] | None, style_dim: int
) -> list[jax.ShapeDtypeStruct]:
    """`x` (b h w c) and perhaps `style` (b d), of any batch, and of any size but for `size`."""
    if size is None:
        unit = generator.divisor
        least = -(-generator.minimum // unit)
        limits = [f"h >= {least}", f"w >= {least}"]
        batch, h, w = export.symbolic_shape("b, h, w", constraints=limits)
        height, width = unit * h, unit * w
    else:
        (batch,), (height, width) = export.symbolic_shape("b"), size
    x = jax.ShapeDtypeStruct((batch, height, width, generator.channels_in), jnp.float32)
    return [x, jax.ShapeDtypeStruct((batch, style_dim), jnp.float32)][: 2 if style_dim else 1]


def picture_of(model: Model) -> Callable[..., jax.Array]:
    """`picture(x, style=None)`: what the model makes; its parameters are constants."""

    def picture(x: jax.Array, style: jax.Array | None = None) -> jax.Array:
        given = {} if style is None else {"style": style}
        return model.generator.apply(model.params, x, **given).image

    return picture
