"""The scores of a folder of pictures against folders of real and true ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from ganc.errors import UserError
from ganc.metrics import statistics
from ganc.metrics.protocol import Value
from ganc.metrics.statistics import Statistics
from ganc.runs.console import progress
from ganc.scores.distribution import FeatureSet
from ganc.scores.evaluation import Evaluation
from ganc.scores.folder import Folder, partners
from ganc.scores.row import Row
from ganc.scores.segmentation import Segmenter, segmentation


@dataclass(frozen=True)
class Scores:
    """The scores of a folder, and of which pictures they are.

    Attributes:
        values: protocol string -> value.
        sets: `generated`, `real`, `truth`, `teacher` -> where they are, how many, their hash.
    """

    values: dict[str, Value]
    sets: dict[str, dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON: that of a `Row` called `generated`, and the sets."""
        return {**Row("generated", self.values).to_json(), "sets": self.sets}


@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores folders.

    Attributes:
        evaluation: how.
        segmenter: for mIoU, where there are labels.
        convert: take grey and transparent pictures too.
        cache: see `summarise`.
        aside: where progress is shown.
    """

    evaluation: Evaluation
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
            values |= self._pairs(fakes, name, folder)
        if labels is not None:
            values |= self._segmentation(fakes, labels)
        a = self._features("generated", fakes)
        if reals is not None:
            values |= self.evaluation.distances(a, self._features("real", reals))
        if known is not None:
            values |= self.evaluation.distances(a, known)
        folders = {"generated": fakes, **({"real": reals} if reals else {}), **pairs}
        sets = {name: _about(folder) for name, folder in folders.items()}
        if known is not None:
            sets["real"] = {"path": str(real), "pictures": known.n, "sha256": known.sha256}
        return Scores(values, sets)

    def statistics(self, real: Path) -> Statistics:
        """The statistics of a folder of real pictures, or those that an `.npz` holds already.

        Raises:
            UserError: see `score`.
        """
        if real.suffix == ".npz":
            return statistics.load(real)
        folder = self._open(real, 2, "a covariance needs two")
        return self._features("real", folder).statistics(folder.sha256)

    def _features(self, name: str, folder: Folder) -> FeatureSet:
        with self._progress(name, len(folder)) as tick:
            return self.evaluation.features(folder.pictures(name), cache=self.cache, tick=tick)

    def _pairs(self, fakes: Folder, name: str, others: Folder) -> dict[str, Value]:
        ordered = others.pictures(name, partners(fakes, others))
        with self._progress(name, len(fakes)) as tick:
            return self.evaluation.pairs(fakes.pictures("generated"), ordered, tick=tick)

    def _segmentation(self, fakes: Folder, labels: Path) -> dict[str, Value]:
        if self.segmenter is None:
            raise UserError("labels need a segmentation network")
        truth = Folder.open(labels, least=1, why="one for each", convert=True)
        files = [truth.files[place] for place in partners(fakes, truth)]
        bootstrap = self.evaluation.bootstrap
        with self._progress("labels", len(fakes)) as tick:
            pictures = fakes.pictures("generated")
            return segmentation(pictures, files, self.segmenter, bootstrap, tick=tick)

    def _open(self, path: Path, least: int, why: str) -> Folder:
        return Folder.open(path, least=least, why=why, convert=self.convert)

    @contextmanager
    def _progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        with progress(what, total, to=self.aside, brief=True) as bar:
            yield bar.advance


def _about(folder: Folder) -> dict[str, Any]:
    return {"path": str(folder.path), "pictures": len(folder), "sha256": folder.sha256}
