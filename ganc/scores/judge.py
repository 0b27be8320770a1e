"""Scores of sets of pictures, each under a name that says how it came about."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ganc.data.dataset import Dataset
from ganc.data.pictures import stack
from ganc.features import lite0
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import kernel_distance, kernel_interval
from ganc.metrics.protocol import Protocol, Value
from ganc.metrics.similarity import l1_each, psnr_each, ssim_each
from ganc.runs import records
from ganc.types import Params

BOOTSTRAP = Bootstrap()
"""Of the intervals: 95 percent, 1,000 resamples, seed 0."""

CHECKPOINT = "last"
"""In a protocol: models are scored as the end of their training left them, never at their best.
Copied inputs and real pictures stand beside them under the same name."""


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores pictures against the report split, which nothing else looks at.

    Whoever makes one looks at the report split; `of` counts the looks of a run.

    Attributes:
        source: the report pictures of domain a (n h w 3), in [-1, 1].
        real: those of domain b.
        other: as many pictures of domain b that were trained on: what real pictures score.
        paired: whether `real[i]` is the truth of `source[i]`.
        feature_size: px to which pictures are resized before features are taken.
    """

    source: np.ndarray
    real: np.ndarray
    other: np.ndarray
    paired: bool
    feature_size: int
    _weights: Params
    _features: np.ndarray

    @classmethod
    def of(cls, data: Dataset, size: int, feature_size: int, looks: Path | None = None) -> "Judge":
        """A judge for the report split of `data`, at `size` px.

        Args:
            data: the pictures.
            size: px of the pictures.
            feature_size: px at which Lite0 sees them.
            looks: a file that gets a line, because the report split is looked at once more. What
                was chosen after many looks is chosen for the report split.
        """
        if looks is not None:
            records.append(looks, {"time": datetime.now(UTC).isoformat(timespec="seconds")})
        real, weights = stack(data.report_b, size), lite0.load()
        places = np.linspace(0, len(data.train_b) - 1, num=len(real)).round().astype(int)
        other = stack([data.train_b[int(i)] for i in places], size)
        return cls(
            source=stack(data.report_a, size),
            real=real,
            other=other,
            paired=data.paired,
            feature_size=feature_size,
            _weights=weights,
            _features=lite0.extract(weights, real, size=feature_size),
        )

    def values(self, fake: np.ndarray, teacher: np.ndarray | None = None) -> dict[str, Value]:
        """Protocol string -> value of the pictures `fake` (n h w 3) made from `source`.

        `kid` and `fd` are distances on Lite0 features, lower better (times nothing: a kernel
        distance of 0.03 is 0.03); `l1` is in units of the full range; `psnr`, in dB over 255, and
        `ssim` are better when higher. With `teacher`, the teacher's pictures, also the distance to
        those. All but `fd` have an interval over pictures.
        """
        report = f"report{len(fake)}"
        values = self._distances(report, fake)
        if self.paired:
            for name, each in {"l1": l1_each, "psnr": psnr_each, "ssim": ssim_each}.items():
                values |= [
                    _mean(Protocol(name, report, "truth", (CHECKPOINT,)), each(fake, self.real))
                ]
        if teacher is not None:
            values |= [
                _mean(Protocol("l1", report, "teacher", (CHECKPOINT,)), l1_each(fake, teacher))
            ]
        return values

    def score(self, fake: np.ndarray, teacher: np.ndarray | None = None) -> dict[str, float]:
        """`values` without their intervals."""
        return {protocol: v.value for protocol, v in self.values(fake, teacher).items()}

    def floor(self) -> dict[str, float]:
        """What other real pictures score: no model should be expected to do better."""
        values = self._distances(f"report{len(self.other)}", self.other)
        return {protocol: v.value for protocol, v in values.items()}

    def _distances(self, name: str, pictures: np.ndarray) -> dict[str, Value]:
        features = lite0.extract(self._weights, pictures, size=self.feature_size)
        settings = f"lite0@{self.feature_size}", CHECKPOINT
        right = f"real{len(self.real)}"
        n = len(pictures), len(self.real)
        kid = kernel_distance(features, self._features)
        interval = kernel_interval(features, self._features, BOOTSTRAP)
        return {
            str(Protocol("kid", name, right, settings)): Value(kid, n, interval, str(BOOTSTRAP)),
            str(Protocol("fd", name, right, settings)): Value(
                frechet_distance(features, self._features), n
            ),
        }


def _mean(protocol: Protocol, each: np.ndarray) -> tuple[str, Value]:
    interval = BOOTSTRAP.mean_interval(each)
    return str(protocol), Value(float(each.mean()), (len(each),), interval, str(BOOTSTRAP))
