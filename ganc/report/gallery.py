"""Pictures of a report: the samples, the labelled PNG grid of them, and pictures as data URIs."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganc.batching import evenly_spread
from ganc.data.pictures import to_uint8
from ganc.runs import records

COLUMNS = ("source", "teacher", "student", "truth")
SAMPLES = 16
"""Rows of the gallery."""
GUTTER = 4
"""Room between the pictures of `samples.png`, px."""
HEADER = 22
"""Height of the line of labels of `samples.png`, px."""
SMALL = 128
"""Pictures of at most this many px a side are stored exactly and shown with visible pixels."""


@dataclass(frozen=True)
class Sample:
    """One row of the gallery.

    Attributes:
        source: what the generators were given, uint8 (h w 3).
        teacher: the picture of the full model.
        student: the picture of the compressed model, where there is one yet.
        truth: the picture that was wanted, where it is known.
    """

    source: np.ndarray
    teacher: np.ndarray
    student: np.ndarray | None = None
    truth: np.ndarray | None = None


def spread_samples(
    *,
    source: np.ndarray,
    teacher: np.ndarray,
    student: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    count: int = SAMPLES,
) -> list[Sample]:
    """At most `count` evenly spread rows of pictures (n h w 3) in [-1, 1]."""
    picked = evenly_spread(min(count, len(source)), len(source))
    sets = {"source": source, "teacher": teacher, "student": student, "truth": truth}
    given = {name: pictures for name, pictures in sets.items() if pictures is not None}
    return [Sample(**{name: to_uint8(p[i]) for name, p in given.items()}) for i in picked]


def columns(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The names of the columns that at least one sample fills."""
    return tuple(
        name for name in COLUMNS if any(getattr(sample, name) is not None for sample in samples)
    )


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Writes one PNG: a line of labels, then a row of pictures for each sample.

    All pictures are brought to the size of the largest, and small ones are enlarged by a whole
    factor to about 128 px, without interpolation. With n samples of k columns and cells of h x w
    px, the file is `HEADER + n * (h + GUTTER)` px high and `GUTTER + k * (w + GUTTER)` px wide.

    Raises:
        ValueError: if there are no samples.
    """
    if not samples:
        raise ValueError("samples.png needs at least one sample, got none")
    names = columns(samples)
    cells = [[getattr(sample, name) for name in names] for sample in samples]
    shapes = [cell.shape for row in cells for cell in row if cell is not None]
    height, width = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    factor = max(1, 128 // max(height, width))
    height, width = factor * height, factor * width
    size = (GUTTER + len(names) * (width + GUTTER), HEADER + len(cells) * (height + GUTTER))
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(names):
        left = GUTTER + column * (width + GUTTER)
        draw.text((left + width // 2, HEADER // 2), name, fill="#222", font=font, anchor="mm")
        for index, row in enumerate(cells):
            if row[column] is not None:
                cell = Image.fromarray(row[column]).resize(
                    (width, height), Image.Resampling.NEAREST
                )
                sheet.paste(cell, (left, HEADER + index * (height + GUTTER)))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    records.replace(path, buffer.getvalue())


def data_uri(picture: np.ndarray) -> str:
    """A uint8 picture (h w 3) as a data URI: PNG, or JPEG of high quality where it is large."""
    buffer = io.BytesIO()
    if max(picture.shape[:2]) <= SMALL:
        kind = "png"
        Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    else:
        kind = "jpeg"
        Image.fromarray(picture).save(buffer, "JPEG", quality=92, subsampling=0)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
