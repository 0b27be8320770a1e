"""The one evaluation: a named set of pictures against real, true and a teacher's pictures.

Whether they lie in a folder (`ganc.scores.score`) or in the memory of a run (`ganc.scores.judge`),
sets of pictures are scored here, by the same arithmetic and under the same names.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.protocol import Value
from ganc.metrics.statistics import Statistics
from ganc.scores.distribution import (
    FeatureSet,
    Subsets,
    frechet,
    frechet_to_statistics,
    kernel,
)
from ganc.scores.extractor import Extractor
from ganc.scores.paired import METRICS, PairMetric, paired
from ganc.scores.sets import PictureSet
from ganc.scores.summary import summarise

Tick = Callable[[int], object]
"""Called with the number of pictures that are newly done."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How sets of pictures are scored.

    Attributes:
        extractor: the network for distances between sets as a whole.
        subsets: of the kernel distance.
        bootstrap: of the intervals.
        metrics: of pairs, by name.
        settings: what every protocol says of the pictures: `last`.
        floors: whether a distance comes with what real pictures score on equal numbers.
    """

    extractor: Extractor
    subsets: Subsets = Subsets()
    bootstrap: Bootstrap = Bootstrap()
    metrics: Mapping[str, PairMetric] = field(default_factory=lambda: METRICS)
    settings: tuple[str, ...] = ()
    floors: bool = True

    def features(
        self, pictures: PictureSet, *, cache: Path | None = None, tick: Tick = lambda count: None
    ) -> FeatureSet:
        """The features of a set.

        Args:
            pictures: the set.
            cache: see `summarise`.
            tick: see `Tick`.

        Raises:
            UserError: a picture cannot be decoded.
        """
        summary = summarise(pictures, self.extractor, cache=cache, tick=tick)
        return FeatureSet(pictures.name, summary, self.extractor, self.settings)

    def distances(
        self,
        fake: FeatureSet,
        real: FeatureSet | Statistics,
        wanted: Collection[str] = ("kid", "fd"),
    ) -> dict[str, Value]:
        """The distances between two sets as a whole: protocol -> value.

        Args:
            fake: features of the pictures to score.
            real: those of real pictures, or statistics of such: then there is no `kid`.
            wanted: which: `kid`, and `fd`, whatever the extractor calls it.

        Raises:
            UserError: the statistics are those of other features.
        """
        if isinstance(real, Statistics):
            return dict([frechet_to_statistics(fake, real)] if "fd" in wanted else [])
        found = []
        if "kid" in wanted:
            found.append(kernel(fake, real, self.subsets, self.bootstrap, floors=self.floors))
        if "fd" in wanted:
            found.append(frechet(fake, real, floors=self.floors))
        return dict(found)

    def pairs(
        self,
        pictures: PictureSet,
        others: PictureSet,
        wanted: Collection[str] | None = None,
        *,
        tick: Tick = lambda count: None,
    ) -> dict[str, Value]:
        """The means of the metrics of pairs: protocol -> value.

        Args:
            pictures: to score.
            others: the partner of each, in the same order and of the same size.
            wanted: names of metrics; None: all that there are.
            tick: see `Tick`.

        Raises:
            UserError: a picture has no partner, or one of another size, or cannot be decoded.
        """
        metrics = {k: m for k, m in self.metrics.items() if wanted is None or k in wanted}
        return paired(pictures, others, metrics, self.bootstrap, settings=self.settings, tick=tick)
