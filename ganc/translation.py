"""Pictures of any size through a generator: padded, drawn, cut back."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np

from ganc.batching import fill
from ganc.data.pictures import Size, to_float, to_uint8
from ganc.types import Model, Output, Params

Given: TypeAlias = tuple[np.ndarray, np.ndarray | None]
"""A picture, uint8 (h w 3), and the style that it is drawn in, if it is given one."""


def translate(
    model: Model,
    picture: np.ndarray,
    *,
    multiple: int | None = None,
    style: np.ndarray | None = None,
    hasty: bool = False,
) -> np.ndarray:
    """The translation of one picture, whole and at its own size.

    It is mirrored at its lower and right edges up to a size that the generator takes, and the
    result cut back.

    Args:
        model: whose generator takes pictures.
        picture: uint8 (h w 3) of any size.
        multiple: that height and width are padded to multiples of; by default the least that the
            generator allows.
        style: (style_dim), for a generator that has styles; by default the picture keeps its own.
        hasty: compile for its size without optimisation, in half the time, to the same pixels.

    Returns:
        uint8 (h w 3).
    """
    size = padded(model, picture.shape[:2], multiple or 1)
    return _translate(model, size, [(picture, style)], 1, hasty)[0]


def _translate(
    model: Model, size: tuple[int, int], some: Sequence[Given], batch: int, hasty: bool
) -> list[np.ndarray]:
    """Pictures that are all padded to `size`, in one call that is filled up to `batch`."""
    pictures, styles = zip(*some, strict=True)
    x = np.stack([_pad(picture, size) for picture in pictures])
    inputs = {} if styles[0] is None else {"style": fill(np.stack(styles), batch)}
    apply = _apply_hastily if hasty else _apply
    images = np.asarray(apply(model.generator.apply, model.params, fill(x, batch), inputs))
    cut = zip(images, pictures, strict=False)
    return [to_uint8(image[: each.shape[0], : each.shape[1]]) for image, each in cut]


def _pad(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    below, right = (n - have for n, have in zip(size, picture.shape, strict=False))
    return to_float(np.pad(picture, ((0, below), (0, right), (0, 0)), mode="reflect"))


def _forward(
    apply: Callable[..., Output], params: Params, x: np.ndarray, inputs: Mapping[str, np.ndarray]
) -> jax.Array:
    return apply(params, x, **inputs).image  # the taps are dropped here, so nobody computes them


_apply: Any = jax.jit(_forward, static_argnums=0)
_apply_hastily: Any = jax.jit(
    _forward, static_argnums=0, compiler_options={"xla_backend_optimization_level": 0}
)


def padded(model: Model, size: Size, multiple: int) -> Size:
    """The least size, of multiples of `multiple`, that a picture of `size` can be drawn at."""
    unit = math.lcm(model.generator.divisor, multiple)
    height, width = (math.ceil(max(n, model.generator.minimum) / unit) * unit for n in size)
    return height, width


class Calls:
    """Pictures that wait until as many of one padded size are there as go into a call.

    Args:
        model: whose pictures.
        multiple: as in `translate`.
        batch: pictures in a call.
        hasty: as in `translate`.
    """

    def __init__(self, model: Model, multiple: int, batch: int, *, hasty: bool):
        self._model, self._multiple, self._batch, self._hasty = model, multiple, batch, hasty
        # Of a group all have one size, but those that EXIF turns.
        self._waiting: dict[tuple[int, int], list[tuple[Path, Given]]] = {}

    def add(self, path: Path, picture: np.ndarray, style: np.ndarray | None) -> None:
        """A picture that will be written as `path`."""
        size = padded(self._model, picture.shape[:2], self._multiple)
        self._waiting.setdefault(size, []).append((path, (picture, style)))

    def ready(self, *, last: bool) -> Iterator[tuple[Path, np.ndarray]]:
        """What fills a call, translated; with `last` what is left too."""
        for size, waiting in self._waiting.items():
            if waiting and (last or len(waiting) == self._batch):
                paths, some = zip(*waiting, strict=True)
                waiting.clear()
                made = _translate(self._model, size, some, self._batch, self._hasty)
                yield from zip(paths, made, strict=True)

    @staticmethod
    def forget() -> None:
        """Drops all programs: no later picture has their size."""
        for apply in (_apply, _apply_hastily):
            apply.clear_cache()
