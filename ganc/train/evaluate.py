"""Scores of sets of pictures, each under a name that says how it came about."""

from dataclasses import dataclass

import jax
import numpy as np

from ganc.data.dataset import Dataset
from ganc.data.pictures import stack, to_uint8
from ganc.features import lite0
from ganc.metrics.frechet import frechet_distance
from ganc.metrics.kernel import kernel_distance
from ganc.metrics.similarity import l1, ssim
from ganc.train.gallery import Sample
from ganc.types import Generator, Params


def render(generator: Generator, params: Params, pictures: np.ndarray, batch: int = 16):
    """The generator's pictures of `pictures` (n h w 3), as a numpy array of the same shape."""
    apply = jax.jit(lambda p, x: generator.apply(p, x).image)
    parts = []
    for start in range(0, len(pictures), batch):
        part = pictures[start : start + batch]
        filled = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
        parts.append(np.asarray(apply(params, filled))[: len(part)])
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores pictures against the report split, which nothing else looks at.

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
    def of(cls, data: Dataset, size: int, feature_size: int) -> "Judge":
        """A judge for the report split of `data`, at `size` px."""
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

    def score(self, fake: np.ndarray, teacher: np.ndarray | None = None) -> dict[str, float]:
        """Protocol string -> value of the pictures `fake` (n h w 3) made from `source`.

        `kid` and `fd` are distances on Lite0 features, lower better (times nothing: a kernel
        distance of 0.03 is 0.03); `l1` is in units of the full range; `ssim` is better when
        higher. With `teacher`, the teacher's pictures, also the distance to those.
        """
        n, m = len(fake), len(self.real)
        features = lite0.extract(self._weights, fake, size=self.feature_size)
        protocol = f"lite0@{self.feature_size},report{n}-vs-real{m}"
        scores = {
            f"kid[{protocol}]": kernel_distance(features, self._features),
            f"fd[{protocol}]": frechet_distance(features, self._features),
        }
        if self.paired:
            scores[f"l1[report{n}-vs-truth]"] = l1(fake, self.real)
            scores[f"ssim[report{n}-vs-truth]"] = ssim(fake, self.real)
        if teacher is not None:
            scores[f"l1[report{n}-vs-teacher]"] = l1(fake, teacher)
        return scores

    def floor(self) -> dict[str, float]:
        """What other real pictures score: no model should be expected to do better."""
        features = lite0.extract(self._weights, self.other, size=self.feature_size)
        protocol = f"lite0@{self.feature_size},report{len(self.other)}-vs-real{len(self.real)}"
        return {
            f"kid[{protocol}]": kernel_distance(features, self._features),
            f"fd[{protocol}]": frechet_distance(features, self._features),
        }

    def samples(
        self, teacher: np.ndarray, student: np.ndarray | None = None, count: int = 16
    ) -> list[Sample]:
        """Evenly spread rows of a gallery: sources, the models' pictures and the truth."""
        last = len(self.source) - 1
        picked = np.unique(np.linspace(0, last, num=min(count, last + 1)).round().astype(int))
        return [
            Sample(
                source=to_uint8(self.source[i]),
                teacher=to_uint8(teacher[i]),
                student=None if student is None else to_uint8(student[i]),
                truth=to_uint8(self.real[i]) if self.paired else None,
            )
            for i in picked
        ]
