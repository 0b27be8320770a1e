"""What is kept of the features of a set, in bounded memory, and remembered between calls."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganc import array_file, hosts
from ganc.batching import evenly_spread
from ganc.metrics.moments import Moments, stream
from ganc.runs import records
from ganc.scores.extractor import Extractor
from ganc.scores.sets import PictureSet

ROWS = 10_000
"""Features that are kept one by one: 80 MB of 2,048 numbers each. Of a larger set the moments
are of all pictures, and so many evenly spread rows are kept for what needs single ones."""

_LARGEST = 250_000_000
"""Bytes of a file of them, with a margin: the rows, and the moments of as many numbers."""


@dataclass(frozen=True, eq=False)
class Summary:
    """The features of a set of pictures.

    Attributes:
        n: pictures.
        rows: (min(n, ROWS) d) float32, of evenly spread pictures.
        moments: of all pictures, where `rows` are not all of them.
    """

    n: int
    rows: np.ndarray
    moments: Moments | None = None

    def all_moments(self) -> Moments:
        """The moments of all pictures."""
        return self.moments or Moments.from_rows(self.rows)


def summarise(
    pictures: PictureSet,
    extractor: Extractor,
    *,
    cache: Path | None = None,
    tick: Callable[[int], object] = lambda count: None,
) -> Summary:
    """The features of a set of pictures, computed or out of the cache.

    Args:
        pictures: whose features; a set without a hash is never cached.
        extractor: the network.
        cache: folder for results, one file per set and protocol; None for no cache. One
            that cannot be written is done without.
        tick: called with the number of pictures that are newly done.

    Raises:
        UserError: a picture cannot be decoded.
    """
    path = _cache_path(cache, pictures, extractor)
    known = None if path is None else _load(path)
    if hosts.everyone(known is not None) and known is not None:
        tick(pictures.count)
        return known
    found = _compute(pictures, extractor, tick)
    if path is not None and hosts.leads():
        _save(path, found)
    return found


def default_cache() -> Path:
    """`ganc/features` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganc" / "features"


def _compute(pictures: PictureSet, extractor: Extractor, tick: Callable[[int], object]) -> Summary:
    n = pictures.count
    wanted = evenly_spread(min(n, ROWS), n)
    kept: list[np.ndarray] = []

    def parts() -> Iterator[np.ndarray]:
        start = 0
        for part in extractor(pictures.read, n):
            places = wanted[
                np.searchsorted(wanted, start) : np.searchsorted(wanted, start + len(part))
            ]
            kept.append(part[places - start])
            yield part
            start += len(part)
            tick(len(part))

    if n > ROWS:
        moments = stream(parts())
    else:
        moments = None
        for _ in parts():
            pass
    return Summary(n, np.concatenate(kept), moments)


def _cache_path(cache: Path | None, pictures: PictureSet, extractor: Extractor) -> Path | None:
    if cache is None or pictures.sha256 is None:
        return None
    key = f"{extractor.protocol}\n{pictures.sha256()}"
    return cache / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"


def _save(path: Path, summary: Summary) -> None:
    moments = summary.moments or Moments(0, np.zeros(0), np.zeros((0, 0)))
    buffer = io.BytesIO()
    np.savez(buffer, n=summary.n, rows=summary.rows, mean=moments.mean, scatter=moments.scatter)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        records.replace(path, buffer.getvalue())
    except OSError:
        pass  # a cache saves time and nothing else


def _load(path: Path) -> Summary | None:
    try:
        file = array_file.read(path, _LARGEST)
        n, rows = int(file["n"]), file["rows"]
        moments = Moments(n, file["mean"], file["scatter"]) if n > len(rows) else None
        return Summary(n, rows, moments)
    except Exception:  # absent or damaged: computed anew
        return None
