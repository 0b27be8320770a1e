"""The name of a number: what was measured, on what, between which pictures.

    kid[lite0@128,report215-vs-real215]

is a kernel distance of Lite0 features of pictures resized to 128 px, between 215 generated pictures
of the report split and 215 real ones. Numbers may be compared when these names are equal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganc.errors import UserError
from ganc.metrics.bootstrap import Interval

_FORM = re.compile(r"(?P<metric>[a-z][a-z0-9]*)\[(?:(?P<settings>.+),)?(?P<a>.+?)-vs-(?P<b>.+)\]")


@dataclass(frozen=True)
class Protocol:
    """How a number came about.

    Attributes:
        metric: `kid`, `fd`, `fid` (only with the Inception weights of 2015-12-05), `l1`, `psnr`,
            `ssim`, `lpips`, `miou`.
        left: what was scored, with its count: `report215`.
        right: what it was compared with: `real215`, `truth`.
        settings: the rest, in the order in which it is done: features and resize, subsets, seeds.
    """

    metric: str
    left: str
    right: str
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.metric}[{','.join((*self.settings, f'{self.left}-vs-{self.right}'))}]"

    @classmethod
    def parse(cls, text: str) -> "Protocol":
        """The protocol that `str` gave.

        Raises:
            UserError: it is none.

        Example:
            >>> Protocol.parse("kid[lite0@128,report215-vs-real215]").settings
            ('lite0@128',)
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise UserError(f"{text!r} is no protocol; expected METRIC[SETTING,...,A-vs-B]")
        settings = tuple((match["settings"] or "").split(",")) if match["settings"] else ()
        return cls(match["metric"], match["a"], match["b"], settings)


@dataclass(frozen=True)
class Value:
    """A number with what is known of its spread.

    Attributes:
        value: the number.
        n: pictures on each side; one number for pairs.
        interval: its ends, None where there is none.
        interval_protocol: how the interval came about; empty without one.
        floor: protocol -> value, what to read a distance between distributions beside: the same
            distance, and real against real, on equal numbers of pictures.
    """

    value: float
    n: tuple[int, ...]
    interval: Interval | None = None
    interval_protocol: str = ""
    floor: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; a number that JSON lacks, such as the infinite PSNR, becomes null."""
        finite = abs(self.value) < float("inf")
        return {
            "value": self.value if finite else None,
            "interval": None if self.interval is None else list(self.interval),
            "interval_protocol": self.interval_protocol,
            "n": list(self.n),
            "floor": None if self.floor is None else dict(self.floor),
        }


def comparison(
    metric: str, scores: Mapping[str, Mapping[str, float]]
) -> tuple[Protocol, dict[str, float]]:
    """The values of one metric side by side, if they may be compared.

    Args:
        metric: `kid`, say.
        scores: name of a model or a run -> protocol string -> value.

    Returns: the protocol that all share; name -> value.

    Raises:
        UserError: two protocols differ, or a model has no value, or several, of this metric.
    """
    found: dict[str, tuple[str, float]] = {}
    for name, values in scores.items():
        own = [(key, value) for key, value in values.items() if key.startswith(f"{metric}[")]
        if len(own) != 1:
            keys = ", ".join(key for key, _ in own) or "none"
            raise UserError(f"expected one {metric} of {name}, got {keys}")
        found[name] = own[0]
    if not found:
        raise UserError(f"there is no {metric} to compare")
    first = next(iter(found))
    for name, (key, _) in found.items():
        if key != found[first][0]:
            raise UserError(
                f"{metric} of {first} and of {name} cannot be compared: "
                f"{found[first][0]} is not {key}"
            )
    return Protocol.parse(found[first][0]), {name: value for name, (_, value) in found.items()}
