"""A generator as a function of its inputs alone, and inputs whose sizes are symbols."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import export

from ganc.discovery.fingerprint import Own
from ganc.errors import UserError
from ganc.types import Generator, Model


def style_dim(generator: Generator, own_style: bool) -> int:
    """Numbers in a style that is an input; 0 where none is."""
    return 0 if own_style else getattr(generator.spec, "style_dim", 0)


def is_own(generator: Generator) -> bool:
    """Whether it is of a network of one's own, whose shapes are numbers: a file is for one picture
    of one size."""
    return isinstance(generator.spec, Own)


def symbolic_inputs(
    generator: Generator, size: tuple[int, int] | None, style_dim: int
) -> list[jax.ShapeDtypeStruct]:
    """`x` (b h w c) and perhaps `style` (b d), of any batch, and of any size but for `size`.

    Of a network of one's own it is one picture of `size`.

    Raises:
        UserError: it takes no pictures, or there is no `size`.
    """
    if is_own(generator):
        if size is None or len(generator.spec.shape) != 4:
            raise UserError(
                "a network of one's own is exported for pictures of one size: give --size, such as "
                f"--size {' '.join(map(str, generator.spec.shape[1:-1]))}"
            )
        batch, (height, width) = 1, size
    elif size is None:
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
