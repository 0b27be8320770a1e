"""Search spaces: the base widths that each slot of an architecture may take."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from flax.core import FrozenDict

from ganc.errors import UserError
from ganc.types import Arch, Generator, Slot

CHOICES: dict[str, tuple[tuple[int, ...], ...]] = {
    "channels-48": ((48, 32),) * 2 + ((48, 40, 32),) * 4 + ((48, 32, 24, 16),) * 2,
    "channels-32": ((32, 24, 16),) * 8,
    "channels-64-cycleGAN": ((64, 48, 32, 24, 16),) * 8,
    "channels-64-pix2pix": ((64, 56, 48, 40, 32, 24, 16),) * 8,
    "munit-channels-64": ((64, 56, 48, 40, 32, 24, 16),) * 10,
    "spade-channels-48": ((48, 40, 32),) * 5 + ((48, 40, 32, 24),) * 3,
    "spade-channels-64": ((64, 48, 40, 32),) * 5 + ((64, 48, 40, 32, 24),) * 3,
    "spade-channels-64-coco": ((64, 48, 40, 32, 24),) * 8,
    "spade-channels-64_2": ((64, 56, 48, 40, 32, 24, 16),) * 8,
}
"""The published spaces: of the ResNet family, and of those that a name begins with.

Reference: Li et al. 2020 (arXiv 2003.08936), released code.
"""


@dataclass(frozen=True)
class Space:
    """All architectures: one choice per slot.

    Attributes:
        slots: what each entry drives.
        choices: the base widths that each entry may take, largest first.
    """

    slots: tuple[Slot, ...]
    choices: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len(self.slots) != len(self.choices):
            raise ValueError(f"{len(self.slots)} slots but {len(self.choices)} lists of choices")
        for slot, choices in zip(self.slots, self.choices, strict=True):
            if not choices or list(choices) != sorted(set(choices), reverse=True):
                raise ValueError(f"choices of slot {slot.name} must be distinct and descending")
            if choices[-1] < 1:
                raise ValueError(f"choices of slot {slot.name} must be positive, got {choices}")

    @property
    def largest(self) -> Arch:
        """Every slot at its widest."""
        return tuple(choices[0] for choices in self.choices)

    @property
    def smallest(self) -> Arch:
        """Every slot at its narrowest."""
        return tuple(choices[-1] for choices in self.choices)

    @property
    def size(self) -> int:
        """The number of architectures."""
        return prod(len(choices) for choices in self.choices)

    def __iter__(self) -> Iterator[Arch]:
        return itertools.product(*self.choices)

    def __contains__(self, arch: object) -> bool:
        return (
            isinstance(arch, tuple)
            and len(arch) == len(self.choices)
            and all(entry in choices for entry, choices in zip(arch, self.choices, strict=True))
        )

    def sample(self, rng: np.random.Generator, weights: Sequence[np.ndarray] | None = None) -> Arch:
        """One architecture, each entry drawn on its own; uniformly, or by `weights` per slot."""
        return tuple(
            int(rng.choice(choices, p=None if weights is None else weights[slot]))
            for slot, choices in enumerate(self.choices)
        )

    def widths(self, arch: Sequence[Any]) -> Mapping[str, Any]:
        """Channel group -> width, hashable; with arrays as entries of `arch`, arrays of widths."""
        return FrozenDict(
            (group, entry * times)
            for slot, entry in zip(self.slots, arch, strict=True)
            for group, times in slot.groups.items()
        )

    def masks(self, archs: Sequence[Arch], shape: Mapping[str, int]) -> dict[str, np.ndarray]:
        """Channel group -> 0/1 array (len(archs), shape[group]): each architecture's prefix."""
        widths = self.widths(tuple(np.asarray(archs).T))
        return {
            group: (np.arange(size) < widths[group][:, None]).astype(np.float32)
            for group, size in shape.items()
        }

    def decode(self, text: str) -> Arch:
        """An architecture from its string, such as `16_16_32_16_32_32_16_16`."""
        try:
            arch = tuple(int(part) for part in text.split("_"))
        except ValueError:
            arch = ()
        if arch not in self:
            valid = ", ".join(
                f"{slot.name} in {'/'.join(map(str, choices))}"
                for slot, choices in zip(self.slots, self.choices, strict=True)
            )
            raise UserError(f"{text!r} is no architecture of this space: {valid}")
        return arch


def parse_space(text: str, generator: Generator) -> Space:
    """The space called `text`, or with the widths that `text` lists in every slot of `generator`.

    Args:
        text: a key of `CHOICES`, or widths such as `32/24/16`, or the one architecture that the
            space then holds, such as `24_16_16_16_16_16_16_16`.
        generator: the supernet, at full width.

    Raises:
        UserError: it is neither, or it does not fit the generator.
    """
    choices = CHOICES.get(text) or _decode_one(text)
    choices = choices or decode_choices(text, len(generator.slots), tuple(CHOICES))
    if len(choices) != len(generator.slots):
        raise UserError(
            f"architectures of the space {text} have {len(choices)} entries, "
            f"those of the student {len(generator.slots)}"
        )
    space = Space(generator.slots, choices)
    for group, width in space.widths(space.largest).items():
        if width > generator.widths[group]:
            raise UserError(
                f"the space {text} reaches {width} channels in {group}, but the student has "
                f"{generator.widths[group]}; choose a larger --ngf or a narrower space"
            )
    return space


def _decode_one(text: str) -> tuple[tuple[int, ...], ...]:
    parts = text.split("_")
    if len(parts) < 2 or not all(part.isdecimal() and int(part) for part in parts):
        return ()
    return tuple((int(part),) for part in parts)


def decode_choices(text: str, slots: int, names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Choices from a list of widths such as `32/24/16`, the same for all `slots`.

    Raises:
        UserError: if it is no such list; `names` are the named spaces that would be valid too.
    """
    try:
        widths = sorted({int(part) for part in text.split("/")}, reverse=True)
    except ValueError:
        widths = []
    if not widths or widths[-1] < 1:
        raise UserError(
            f"{text!r} is no search space; valid are {', '.join(names)}, or widths such as 32/24/16"
        )
    return (tuple(widths),) * slots


def encode(arch: Arch) -> str:
    """The papers' string of an architecture."""
    return "_".join(map(str, arch))


def favour_small(space: Space, ratio: float, geometric: bool = False) -> list[np.ndarray]:
    """Weights per slot under which the narrowest choice is `ratio` times as likely as the widest.

    Weights rise linearly along each list, or geometrically: by the factor `ratio` per place.
    `ratio` 1 is uniform.

    Reference: Li et al. 2020 (arXiv 2003.08936), weighted sampling of the evolutionary search.
    """
    if ratio < 1:
        raise ValueError(f"ratio must be at least 1, got {ratio}")
    result = []
    for choices in space.choices:
        place = np.arange(len(choices))
        if geometric:
            weights = np.power(float(ratio), place)
        elif ratio == 1:
            weights = np.ones(len(choices))
        else:
            weights = (len(choices) - 1) / (ratio - 1) + place if len(choices) > 1 else place + 1.0
        result.append(weights / weights.sum())
    return result
