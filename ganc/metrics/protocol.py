"""The name of a number: what was measured, on what, between which pictures.

    kid[lite0@128,last,report215-vs-real215]

is a kernel distance of Lite0 features of pictures resized to 128 px, between 215 generated pictures
of the report split and 215 real ones. Numbers may be compared when these names are equal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ganc.errors import UserError
from ganc.metrics.bootstrap import Interval

_FORM = re.compile(r"(?P<metric>[a-z][a-z0-9]*)\[(?:(?P<settings>.+),)?(?P<a>.+?)-vs-(?P<b>.+)\]")

LOWER = frozenset({"kid", "fd", "fid", "l1", "l2", "mse", "mae", "lpips"})
"""Metrics of which less is better."""
HIGHER = frozenset({"ssim", "psnr", "miou", "accuracy"})
"""Metrics of which more is better."""


def direction(metric: str) -> Literal["lower", "higher"] | None:
    """What is better of a metric, in any case; None where that is unknown.

    Example:
        >>> direction("kid"), direction("SSIM"), direction("entropy")
        ('lower', 'higher', None)
    """
    name = metric.lower()
    return "lower" if name in LOWER else "higher" if name in HIGHER else None


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
            >>> Protocol.parse("kid[lite0@128,last,report215-vs-real215]").settings
            ('lite0@128', 'last')
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
        interval: its ends, None where there is none.
        interval_protocol: how the interval came about; empty without one.
        floor: protocol -> value, what to read a distance between distributions beside: the same
            distance, and real against real, on equal numbers of pictures.
    """

    value: float
    interval: Interval | None = None
    interval_protocol: str = ""
    floor: Mapping[str, float] | None = None


def comparable(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The rows of a table that compares models: protocol string -> model -> value.

    Only numbers of one protocol come to stand in one row. A model may lack a metric, and have one
    under several protocols; but where two have a metric and share no protocol of it, somebody wants
    to compare what cannot be compared.

    Args:
        scores: model or run -> protocol string -> value.

    Raises:
        UserError: two of them have a metric under different protocols alone.
    """
    rows: dict[str, dict[str, float]] = {}
    for name, values in scores.items():
        for key, value in values.items():
            rows.setdefault(key, {})[name] = value
    for metric in dict.fromkeys(Protocol.parse(key).metric for key in rows):
        own = {
            name: [key for key in values if key.startswith(f"{metric}[")]
            for name, values in scores.items()
        }
        for one, other in combinations([name for name, keys in own.items() if keys], 2):
            if not set(own[one]) & set(own[other]):
                raise UserError(
                    f"{metric} of {one} and of {other} cannot be compared: "
                    f"{own[one][0]} is not {own[other][0]}"
                )
    return rows
