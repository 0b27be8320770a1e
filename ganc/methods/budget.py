"""The controller that has slimming end at a budget, as a function of the state alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganc.errors import UserError
from ganc.methods.shrinkage import sizes
from ganc.methods.sites import Site
from ganc.types import Params

TOLERANCE = 0.03
"""Of the budget, within which the controller ends."""

_FLOOR = 1 - TOLERANCE / 2  # the budget is met from above by at most one channel


class Quadratic(NamedTuple):
    """A cost as a function of the widths of some groups: c + a w + w Q w."""

    constant: Any
    linear: Any
    square: Any

    def __call__(self, widths: jax.Array) -> jax.Array:
        """The cost of widths (g)."""
        return self.constant + self.linear @ widths + widths @ self.square @ widths


def quadratic(
    cost: Callable[[Mapping[str, Any]], Any],
    widths: Mapping[str, int],
    groups: Sequence[str],
    unit: float = 1.0,
) -> Quadratic:
    """`cost` in units of `unit`, with the other groups at their `widths`.

    Multiply-adds and parameters are sums of products of at most two widths, which this reads off
    their values at a few widths.
    """
    count = len(groups)

    def at(*ones: int) -> float:
        given = dict(widths) | dict.fromkeys(groups, 0)
        for i in ones:
            given[groups[i]] += 1
        return float(cost(given))

    constant = at()
    single = np.array([at(i) - constant for i in range(count)])
    square = np.zeros((count, count))
    for i in range(count):
        for j in range(i + 1):
            both = at(i, j) - constant - single[i] - single[j]
            square[i, j] = square[j, i] = both / 2
    linear = single - np.diag(square)
    return Quadratic(*(np.float32(x / unit) for x in (constant, linear, square)))


@dataclass(frozen=True, eq=False)
class Budget:
    """Where the controller leads.

    Attributes:
        cost: of the widths of the sites' groups, in units of the budget.
        start: the cost at the beginning, likewise.
        rates: the learning rate of the scales in a step.
        steps: of the run.
        begin: the part of the run after which channels may die.
        land: that by which the budget should be met.
    """

    cost: Quadratic
    start: float
    rates: Callable[[Any], Any]
    steps: int
    begin: float = 0.1
    land: float = 0.7

    @property
    def rho(self) -> float:
        """The first rho: it takes a scale of 1 to zero by the time of landing."""
        rates = self.rates(np.arange(max(1, int(self.land * self.steps))))
        return float(1 / np.sum(rates))

    def threshold(
        self, params: Params, sites: Sequence[Site], rho: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The threshold of a step, and the next rho.

        The cost should fall along a line to the budget. Where it is above the line, rho grows;
        where it is below, rho falls, and the threshold stops short of the channels that would take
        it below. In the last tenth of the run the threshold is whatever reaches the budget; once
        that is met, it is zero.

        Args:
            params: of the generator, before the proximal step.
            sites: of it, in the order of `cost`.
            rho: as it is.
            step: counted from 0.
        """
        share = (step + 1) / self.steps
        fall = jnp.clip((share - self.begin) / max(self.land - self.begin, 1e-6), 0, 1)
        late = (share >= 0.9) | (step + 1 == self.steps)
        goal = jnp.where(late, _FLOOR, self.start + (_FLOOR - self.start) * fall)
        channels = [sizes(params, site) for site in sites]
        now = self._cost(channels, sites, jnp.float32(0))
        most = jnp.max(jnp.concatenate(channels))
        high = jnp.where(late, most, rho * self.rates(step))
        threshold = self._largest(channels, sites, goal, high)
        towards = jnp.where(now > goal, 1.0, -1.0)
        rho = rho * jnp.exp(towards * 10 / self.steps)
        return jnp.where(now <= 1, 0.0, threshold), rho

    def _largest(self, channels, sites, goal, high) -> jax.Array:
        """The largest threshold up to `high` that leaves a cost of at least `goal`."""

        def halve(_, ends):
            low, high = ends
            middle = (low + high) / 2
            enough = self._cost(channels, sites, middle) >= goal
            return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

        low, _ = jax.lax.fori_loop(0, 30, halve, (jnp.zeros_like(high), high))
        return jnp.where(self._cost(channels, sites, high) >= goal, high, low)

    def _cost(self, channels, sites, threshold) -> jax.Array:
        # A group of no channel is stored, and counted, with one.
        alive = [jnp.maximum(jnp.sum(size > threshold), 1) for size in channels]
        return self.cost(jnp.stack(alive).astype(jnp.float32))


def budget_of(
    cost: Callable[[Mapping[str, Any]], Any],
    widths: Mapping[str, int],
    sites: Sequence[Site],
    budget: float,
    rates: Callable[[Any], Any],
    steps: int,
) -> Budget:
    """The controller for a `budget` in whatever `cost` counts.

    Args:
        cost: widths of all groups -> what they cost.
        widths: of the student as it begins.
        sites: where it is slimmed.
        budget: what it should cost in the end.
        rates: the learning rate of the scales in a step.
        steps: of the run.

    Raises:
        UserError: the sites cannot reach it.
    """
    least = float(cost(dict(widths) | dict.fromkeys((site.group for site in sites), 1)))
    full = float(cost(widths))
    if not least <= budget <= full:
        raise UserError(
            f"--budget {budget:.4g} cannot be reached: the student takes {full:.4g} as it begins, "
            f"and {least:.4g} where every group that is slimmed has one channel left"
        )
    groups = [site.group for site in sites]
    return Budget(quadratic(cost, widths, groups, budget), full / budget, rates, steps)
