"""Scores of the pictures that a run makes of the report split."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from ganc.batching import evenly_spread
from ganc.data.dataset import Dataset
from ganc.data.pictures import stack
from ganc.errors import UserError
from ganc.metrics.protocol import Value
from ganc.runs import records
from ganc.scores.distribution import FeatureSet, Subsets
from ganc.scores.evaluation import Evaluation
from ganc.scores.extractor import lite0_extractor
from ganc.scores.paired import METRICS
from ganc.scores.sets import array_set

CHECKPOINT = "last"
"""In a protocol: models are scored as the end of their training left them, never at their best.
Copied inputs and real pictures stand beside them under the same name."""

DISTANCES = ("kid", "fd")
"""Distances between sets as a whole, which need no truth."""

ALL = (*DISTANCES, *METRICS)
"""What a run can be scored by."""


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores pictures against the report split, which nothing else looks at.

    Whoever makes one looks at the report split; `open` counts the looks of a run.

    Attributes:
        source: what generators are given of the report pictures of domain a, (n h w c).
        shown: those as pictures (n h w 3) in [-1, 1]: the same, unless they are label maps.
        real: those of domain b.
        truth: what should become of `source`, where that is known: then it is `real`.
        metrics: what is measured, of `ALL`.
    """

    source: np.ndarray
    shown: np.ndarray
    real: np.ndarray
    truth: np.ndarray | None
    metrics: tuple[str, ...]
    _other: np.ndarray
    _evaluation: Evaluation

    @classmethod
    def open(
        cls,
        data: Dataset,
        shape: tuple[int, ...],
        feature_size: int,
        *,
        metrics: Collection[str] = ALL,
        looks: Path | None = None,
    ) -> "Judge":
        """A judge for the report split of `data`.

        Args:
            data: the pictures.
            shape: (h, w) or (h, w, c) of the pictures, px.
            feature_size: px at which Lite0 sees them.
            metrics: what to measure, of `ALL`; what needs a truth is left out where there is none.
            looks: a file that gets a line, because the report split is looked at once more. What
                was chosen after many looks is chosen for the report split.

        Raises:
            UserError: there is no such metric.
        """
        for name in metrics:
            if name not in ALL:
                raise UserError(f"there is no metric {name!r}; valid are {', '.join(ALL)}")
        evaluation = Evaluation(
            lite0_extractor(feature_size, one_shape=True),
            Subsets(count=0),  # all pictures at once: a report split has few
            settings=(CHECKPOINT,),
            floors=False,  # `floor` says it once for all models
        )
        if looks is not None:
            records.append(looks, {"time": datetime.now(UTC).isoformat(timespec="seconds")})
        real = stack(data.report_b, shape)
        # Trained on, so that models have seen them; as many, since distances depend on numbers.
        source = stack(data.report_a, shape, data.encode)
        other = [data.train_b[int(i)] for i in evenly_spread(len(real), len(data.train_b))]
        return cls(
            source=source,
            shown=data.show(source),
            real=real,
            truth=real if data.paired else None,
            metrics=tuple(name for name in metrics if data.paired or name in DISTANCES),
            _other=stack(other, shape),
            _evaluation=evaluation,
        )

    def values(
        self,
        fake: np.ndarray,
        teacher: np.ndarray | None = None,
        metrics: Collection[str] = ALL,
    ) -> dict[str, Value]:
        """Protocol string -> value of the pictures `fake` (n h w 3) made from `source`.

        `kid` and `fd` are distances on Lite0 features, lower better (times nothing: a kernel
        distance of 0.03 is 0.03); `l1` is in units of the full range; `psnr`, in dB over 255, and
        `ssim` are better when higher. With `teacher`, the teacher's pictures, also the `l1` to
        those. All but `fd` have an interval over pictures. `metrics` are the ones that are wanted.
        """
        pictures = array_set("report", fake)
        wanted = tuple(name for name in self.metrics if name in metrics)
        values = self._distances(fake, wanted)
        if self.truth is not None:
            truth = array_set("truth", self.truth)
            values |= self._evaluation.pairs(pictures, truth, wanted)
        if teacher is not None:
            values |= self._evaluation.pairs(pictures, array_set("teacher", teacher), ("l1",))
        return values

    def floor(self) -> dict[str, Value]:
        """What other real pictures score: no model should be expected to do better."""
        return self._distances(self._other, self.metrics)

    @cached_property
    def _real_features(self) -> FeatureSet:
        return self._evaluation.features(array_set("real", self.real))

    def _distances(self, pictures: np.ndarray, metrics: tuple[str, ...]) -> dict[str, Value]:
        if not set(DISTANCES) & set(metrics):
            return {}
        features = self._evaluation.features(array_set("report", pictures))
        return self._evaluation.distances(features, self._real_features, metrics)
