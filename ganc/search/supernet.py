"""A supernet with its space: the one value that trainings, searches and benchmarks pass around."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from ganc import channels
from ganc.metrics import cost
from ganc.models.render import render
from ganc.search.classes import Cost
from ganc.search.space import Space
from ganc.types import Arch, Generator, Masks, Model, Params


@dataclass(frozen=True, eq=False)
class Supernet:
    """A generator whose slots may take the widths of a space.

    Attributes:
        generator: at full width.
        space: its architectures.
        shape: (h, w, c) of what it is given, for which multiply-adds are counted.
    """

    generator: Generator
    space: Space
    shape: tuple[int, int, int]

    @cached_property
    def published(self) -> Cost:
        """Widths -> multiply-adds of one picture, published convention; what budgets limit."""
        return cost.macs(self.generator, *self.shape[:2])

    @cached_property
    def true(self) -> Cost:
        """Widths -> multiply-adds of one picture that are computed; what time goes by."""
        return cost.macs(self.generator, *self.shape[:2], "true")

    @cached_property
    def _params(self) -> Cost:
        return cost.params(self.generator)

    def params(self, arch: Arch) -> int:
        """Parameters at `arch`."""
        return int(self._params(self.space.widths(arch)))

    def macs(self, arch: Arch) -> int:
        """Multiply-adds of one picture at `arch`, published convention."""
        return int(self.published(self.space.widths(arch)))

    def true_macs(self, arch: Arch) -> int:
        """Multiply-adds of one picture at `arch` that are computed."""
        return int(self.true(self.space.widths(arch)))

    def masks(self, arch: Arch) -> Masks:
        """The masks of `arch` over the full widths."""
        return channels.masks(channels.prefix(self.space.widths(arch)), self.generator.widths)

    def cut(self, params: Params, arch: Arch) -> Model:
        """The subnet `arch` of a supernet with parameters `params`."""
        keep = channels.prefix(self.space.widths(arch))
        sliced: Any = channels.slice_params(params, self.generator.axes, keep)
        return Model(self.generator, sliced, arch)

    def masked_minus_sliced(self, params: Params, arch: Arch, pictures: np.ndarray) -> float:
        """The largest difference between masked and cut-out pictures of (b h w c), in [-1, 1]."""
        apply, masks = self.generator.apply, self.masks(arch)
        one = jax.jit(lambda p, x: apply(p, x, masks=masks).image)(params, pictures)
        return float(np.abs(np.asarray(one) - render(self.cut(params, arch), pictures)).max())
