"""All scores of a folder of pictures against real and true ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from ganc.errors import UserError
from ganc.metrics import statistics
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.protocol import Value
from ganc.metrics.statistics import Statistics
from ganc.runs.console import progress
from ganc.scores.distribution import Features, Subsets, frechet, frechet_to_statistics, kernel
from ganc.scores.extractor import Extractor
from ganc.scores.folder import Folder
from ganc.scores.paired import METRICS, Metric, paired
from ganc.scores.segmentation import Segmenter, segmentation
from ganc.scores.summary import summarise


@dataclass(frozen=True)
class Scores:
    """What was found.

    Attributes:
        values: protocol string -> value.
        sets: `generated`, `real`, `truth`, `teacher` -> where they are, how many, their hash.
    """

    values: dict[str, Value]
    sets: dict[str, dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        metrics = {protocol: value.to_json() for protocol, value in self.values.items()}
        return {"metrics": metrics, "sets": self.sets}


@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores folders.

    Attributes:
        extractor: the network for distances between distributions.
        subsets: of the kernel distance.
        bootstrap: of the intervals.
        pairs: metrics of pairs, by name.
        segmenter: for mIoU, where there are labels.
        convert: take grey and transparent pictures too.
        cache: see `summarise`.
        aside: where progress is shown.
    """

    extractor: Extractor
    subsets: Subsets = Subsets()
    bootstrap: Bootstrap = Bootstrap()
    pairs: Mapping[str, Metric] = field(default_factory=lambda: METRICS)
    segmenter: Segmenter | None = None
    convert: bool = False
    cache: Path | None = None
    aside: Console = field(default_factory=lambda: Console(stderr=True))

    def score(
        self,
        generated: Path,
        real: Path,
        *,
        truth: Path | None = None,
        teacher: Path | None = None,
        labels: Path | None = None,
    ) -> Scores:
        """The scores of the pictures in `generated`.

        Args:
            generated: a folder of pictures.
            real: a folder of real pictures of the same domain, or statistics of them (`.npz`).
            truth: a folder with the true picture of each, under the same name.
            teacher: the pictures of the model that was compressed, likewise.
            labels: a folder with the train ids of each, as a PNG under the same name, for the
                `segmenter`.

        Raises:
            UserError: a folder or a file cannot be scored; the message says why.
        """
        known = statistics.load(real) if real.suffix == ".npz" else None
        fakes = self._open(generated, 2, "a covariance needs two")
        reals = None if known else self._open(real, 4, "its two halves are compared too")
        pairs = {
            name: self._open(path, 1, "one for each")
            for name, path in {"truth": truth, "teacher": teacher}.items()
            if path is not None
        }
        values: dict[str, Value] = {}
        for name, folder in pairs.items():
            values |= self._paired(fakes, name, folder)
        if labels is not None:
            values |= self._segmentation(fakes, labels)
        a = self.features("generated", fakes)
        if reals is not None:
            b = self.features("real", reals)
            values |= [kernel(a, b, self.subsets, self.bootstrap), frechet(a, b)]
        if known is not None:
            values |= [frechet_to_statistics(a, known)]
        folders = {"generated": fakes, **({"real": reals} if reals else {}), **pairs}
        sets = {name: _about(folder) for name, folder in folders.items()}
        if known is not None:
            sets["real"] = {"path": str(real), "pictures": known.n, "sha256": known.sha256}
        return Scores(values, sets)

    def features(self, name: str, folder: Folder) -> Features:
        """The features of a folder, under `name`; a terminal sees them grow."""
        with self._progress(name, len(folder)) as tick:
            found = summarise(folder, self.extractor, cache=self.cache, tick=tick)
        return Features(_name(name, folder), found, self.extractor)

    def statistics(self, real: Path) -> Statistics:
        """Those of a folder of real pictures, or those that an `.npz` holds already."""
        if real.suffix == ".npz":
            return statistics.load(real)
        folder = self._open(real, 2, "a covariance needs two")
        return self.features("real", folder).statistics(folder.sha256)

    def _paired(self, fakes: Folder, name: str, others: Folder) -> dict[str, Value]:
        with self._progress(name, len(fakes)) as tick:
            names = _name("generated", fakes), _name(name, others)
            return paired(fakes, others, self.bootstrap, metrics=self.pairs, names=names, tick=tick)

    def _segmentation(self, fakes: Folder, labels: Path) -> dict[str, Value]:
        if self.segmenter is None:
            raise UserError("labels need a segmentation network")
        truth = Folder.open(labels, least=1, why="one for each", convert=True)
        with self._progress("labels", len(fakes)) as tick:
            name = _name("generated", fakes)
            return segmentation(fakes, truth, self.segmenter, self.bootstrap, name=name, tick=tick)

    def _open(self, path: Path, least: int, why: str) -> Folder:
        return Folder.open(path, least=least, why=why, convert=self.convert)

    @contextmanager
    def _progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        with progress(self.aside) as bar:
            task = bar.add_task(what, total=total, note="")
            yield lambda count: bar.advance(task, count)


def _name(name: str, folder: Folder) -> str:
    return f"{name}-converted" if folder.converted else name


def _about(folder: Folder) -> dict[str, Any]:
    return {"path": str(folder.path), "pictures": len(folder), "sha256": folder.sha256}
