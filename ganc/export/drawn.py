"""Whether what was exported draws what its model draws."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ganc.errors import RunError
from ganc.export.symbolic import style_dim
from ganc.models.render import render
from ganc.types import Model

CLOSE = 1 / 255
"""By how much pictures in [-1, 1], of 2, may differ: half a level."""


def check_drawn(
    draw: Callable[..., Any], model: Model, size: tuple[int, int], *, own_style: bool
) -> float:
    """The largest difference between a file's picture of `size` and the model's.

    Args:
        draw: pictures (1 h w c), and styles if it takes any, -> pictures, by the file.
        model: whose file it is.
        size: height and width.
        own_style: whether a picture keeps its own style.

    Raises:
        RunError: it is more than `CLOSE`.
    """
    gap = difference(draw, model, size, style_dim(model.generator, own_style))
    if not gap <= CLOSE:
        raise RunError(f"the file's pictures differ by {gap:.2g} of 2, and nothing was written")
    return gap


def difference(
    draw: Callable[..., Any], model: Model, size: tuple[int, int], styles: int, seed: int = 0
) -> float:
    """The same, whatever it is, of random pictures and styles of so many numbers; 0: of none."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (1, *size, model.generator.channels_in)).astype(np.float32)
    inputs = {"style": rng.standard_normal((1, styles), np.float32)} if styles else {}
    made = np.asarray(draw(x, *inputs.values()))
    return float(np.abs(made - render(model, x, inputs=inputs)).max())
