"""How sparse a network is in each step of its training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gradual:
    """Automated gradual pruning (AGP), by step: fast at first, then ever more slowly.

    $s(t) = s_f + (s_i - s_f)(1 - t / r)^3$ for $t \\le r$, then $s_f$.

    Attributes:
        target: the share of zeros at the end, $s_f$, in [0, 1).
        ramp: the step in which the target is reached, $r$; 0: all at once, before the first step.
        initial: the share at the start, $s_i$.
        every: steps from one update of the masks to the next; it divides `ramp`.

    Reference: Zhu and Gupta 2017 (arXiv 1710.01878), equation 1.
    """

    target: float
    ramp: int
    initial: float = 0.05
    every: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.target < 1:
            raise ValueError(f"the target sparsity must be in [0, 1), got {self.target}")
        if self.every < 1 or self.ramp < 0 or self.ramp % self.every:
            raise ValueError(
                f"the ramp must be a multiple of the steps between updates, got {self.ramp} and "
                f"{self.every}"
            )

    def sparsity(self, step: int) -> float:
        """The share of zeros in `step`, counted from 0."""
        if step >= self.ramp:
            return self.target
        start = min(self.initial, self.target)
        return self.target + (start - self.target) * (1 - step / self.ramp) ** 3

    def due(self, step: int) -> bool:
        """Whether the masks are updated before `step`."""
        return step <= self.ramp and step % self.every == 0


def halfway(target: float, steps: int, updates: int, initial: float = 0.05) -> Gradual:
    """A ramp over the first half of a training of `steps`, in about so many `updates`.

    Reference: Yu and Pool 2020 (arXiv 2007.01491): 5 % at the start, the target halfway.
    """
    every = max(1, steps // 2 // max(1, updates))
    return Gradual(target, steps // 2 // every * every, initial, every)
