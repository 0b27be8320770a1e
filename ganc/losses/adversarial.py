"""Adversarial losses on verdicts, of one scale or of several; each returns a scalar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from ganc.types import Verdict

Pointwise = Callable[[jax.Array], jax.Array]
"""Logits (b h w 1) -> a scalar mean."""


@dataclass(frozen=True)
class Adversarial:
    """What discriminator and generator minimise.

    Attributes:
        real: of logits that should say real, in the discriminator's turn.
        fake: of logits that should say fake, in its turn.
        fooled: of the fakes' logits, in the generator's turn.
        scales: what is made of a verdict's scales: their mean, or their sum.
        halved: whether the discriminator's two terms are halved.
    """

    real: Pointwise
    fake: Pointwise
    fooled: Pointwise
    scales: Literal["mean", "sum"] = "mean"
    halved: bool = True

    def discriminator(self, real: Verdict, fake: Verdict) -> jax.Array:
        """What the discriminator minimises, given its verdicts on real and on fake pictures."""
        total = self._over_scales(self.real, real) + self._over_scales(self.fake, fake)
        return 0.5 * total if self.halved else total

    def generator(self, fake: Verdict) -> jax.Array:
        """What the generator minimises, given the verdict on its pictures."""
        return self._over_scales(self.fooled, fake)

    def _over_scales(self, loss: Pointwise, verdict: Verdict) -> jax.Array:
        logits = verdict.logits
        if not isinstance(logits, tuple):
            return loss(logits)
        total = sum(map(loss, logits[1:]), loss(logits[0]))
        return total / len(logits) if self.scales == "mean" else total


def feature_matching(real: Verdict, fake: Verdict) -> jax.Array:
    """$\\frac1K \\sum_k \\sum_j \\mathrm{mean}\\,|D_{kj}(\\hat y) - D_{kj}(y)|$ over K scales.

    The features of the real pictures are constants.

    Reference: Wang et al. 2018 (arXiv 1711.11585), equation 4; Park et al. 2019 (arXiv 1903.07291).
    """
    total = jnp.float32(0)
    for ours, theirs in zip(fake.features, real.features, strict=True):
        for x, y in zip(ours, theirs, strict=True):
            total += jnp.mean(jnp.abs(x - jax.lax.stop_gradient(y)))
    return total / max(len(fake.features), 1)


LEAST_SQUARES = Adversarial(
    real=lambda logits: jnp.mean(jnp.square(logits - 1)),
    fake=lambda logits: jnp.mean(jnp.square(logits)),
    fooled=lambda logits: jnp.mean(jnp.square(logits - 1)),
)
"""$\\frac12[(D(y) - 1)^2 + D(\\hat y)^2]$ and $(D(\\hat y) - 1)^2$. Mao et al. 2017, 1611.04076."""

HINGE = Adversarial(
    real=lambda logits: jnp.mean(nn.relu(1 - logits)),
    fake=lambda logits: jnp.mean(nn.relu(1 + logits)),
    fooled=lambda logits: -jnp.mean(logits),
)
"""$\\frac12[\\max(0, 1 - D(y)) + \\max(0, 1 + D(\\hat y))]$ and $-D(\\hat y)$. Lim, Ye 2017."""

CROSS_ENTROPY = Adversarial(
    real=lambda logits: jnp.mean(nn.softplus(-logits)),
    fake=lambda logits: jnp.mean(nn.softplus(logits)),
    fooled=lambda logits: jnp.mean(nn.softplus(-logits)),
)
"""$-\\frac12[\\log \\sigma(D(y)) + \\log(1 - \\sigma(D(\\hat y)))]$ and
$-\\log \\sigma(D(\\hat y))$: the form that does not saturate, halved as in pix2pix. Goodfellow et
al. 2014 (arXiv 1406.2661)."""
