"""What a page shows, and what it has to know of it: `page.json`, and example pictures."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from ganc.batching import evenly_spread
from ganc.channels import read_widths
from ganc.data.dataset import EARTH_LABELS, open_dataset
from ganc.data.earth import TONES
from ganc.data.files import decode, list_pictures
from ganc.data.labels import LabelMaps
from ganc.data.pictures import to_uint8
from ganc.errors import UserError
from ganc.export.symbolic import style_dim
from ganc.metrics import cost
from ganc.models.card import trained_at
from ganc.models.families import family_of
from ganc.models.flat import flatten
from ganc.types import Generator, Model

EXAMPLES = 6
SIDE = 256
"""Of pictures, px, where nothing says for what size a model was trained."""
_OTHER = ("dcgan", "stargan")
"""Families that are given neither a picture nor a label map."""


@dataclass(frozen=True)
class Contents:
    """The models of one page.

    Attributes:
        students: the cheapest first.
        teacher: the model to show beside them.
        about: what is stored along with the first student.
        classes: of label maps; None where pictures come in. One more channel marks the edges
            between classes.
    """

    students: Sequence[Model]
    teacher: Model | None
    about: dict[str, Any]
    classes: int | None

    @property
    def generator(self) -> Generator:
        """Of a student; the others take the same."""
        return self.students[0].generator

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the models were trained at."""
        return trained_at(self.about) or (SIDE, SIDE)

    @property
    def labels(self) -> LabelMaps | None:
        """The label maps that come in, if any do."""
        if self.classes is None:
            return None
        own = self.about.get("data") == "earth:labels-satellite"
        return EARTH_LABELS if own else LabelMaps(self.classes)


def contents(
    students: Sequence[Model], teacher: Model | None, about: dict[str, Any], classes: int | None
) -> Contents:
    """What a page shows of these models; see `Contents`.

    Raises:
        UserError: they don't take the same, or what no page can give them, or there are no such
            `classes`.
    """
    models = [*students, *([] if teacher is None else [teacher])]
    takes = {(m.generator.channels_in, style_dim(m.generator, False)) for m in models}
    if len(takes) > 1:
        raise UserError("the models of one page take the same: pictures, or the same label maps")
    for model in models:
        if (family := family_of(model.generator.spec)) in _OTHER:
            raise UserError(f"{family} is given neither a picture nor a label map")
    channels = models[0].generator.channels_in
    if channels == 3:
        if classes is not None:
            raise UserError("--classes is for models that take label maps; these take pictures")
    elif (classes := classes or channels) not in (channels, channels - 1):
        raise UserError(
            f"label maps of {channels} channels have {channels} classes, or {channels - 1} and "
            f"their edges; got --classes {classes}"
        )
    return Contents(sorted(students, key=_size_of), teacher, about, classes)


def _size_of(model: Model) -> int:
    return sum(array.size for array in flatten(model.params).values())


def page(
    shown: Contents, title: str, files: Sequence[tuple[str, int]], offered: Sequence[str]
) -> Any:
    """The content of `page.json`.

    Args:
        shown: see there.
        title: the heading.
        files: name and bytes of the models' files, students first.
        offered: names of the example pictures' files.
    """
    generator, models = shown.generator, [*shown.students, shown.teacher]
    rows = [
        {"file": name, "bytes": size, **costs(model, shown.size)}
        for model, (name, size) in zip(models, files, strict=False)
        if model is not None
    ]
    last = len(shown.students)
    return {
        "title": title,
        "size": max(shown.size),
        "least": max(generator.minimum, generator.divisor),
        "channels": generator.channels_in,
        "style": style_dim(generator, False),
        "palette": _palette(shown.labels),
        "edges": shown.classes == generator.channels_in - 1,
        "students": rows[:last],
        "teacher": rows[last] if shown.teacher else None,
        "examples": list(offered),
    }


def costs(model: Model, size: tuple[int, int]) -> dict[str, Any]:
    """What a model computes for a picture of `size`, and what it is called."""
    generator, widths = model.generator, read_widths(model.params, model.generator.axes)
    dim = style_dim(generator, False)
    more: dict[str, Any] = {"style": jax.ShapeDtypeStruct((1, dim), np.float32)} if dim else {}
    arch = "_".join(map(str, model.arch or ())) or family_of(generator.spec)
    macs = int(cost.macs(generator, *size, **more)(widths))
    return {"name": arch, "macs": macs, "params": int(cost.params(generator)(widths))}


def _palette(labels: LabelMaps | None) -> list[dict[str, str]]:
    if labels is None:
        return []
    names = list(TONES) if labels is EARTH_LABELS else [str(i) for i in range(labels.classes)]
    shown = to_uint8(labels.show(np.eye(labels.classes, dtype=np.float32)))
    return [
        {"name": name, "colour": "#" + bytes(rgb.tolist()).hex()}
        for name, rgb in zip(names, shown, strict=True)
    ]


def examples(shown: Contents, folder: Path | None) -> Iterator[bytes]:
    """Pictures to begin with, PNG: the first of a folder, else the Earth where it was learned.

    Raises:
        UserError: there are no pictures, or they can't be read.
    """
    data = str(shown.about.get("data"))
    if folder is not None:
        pictures = islice(map(decode, list_pictures(folder)), EXAMPLES)
    elif data.startswith("earth:"):
        pictures = _earth(data, shown)
    else:
        return
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        yield buffer.getvalue()


def _earth(address: str, shown: Contents) -> Iterator[np.ndarray]:
    data = open_dataset(address, shown.size[0], labels=shown.labels)
    count = len(data.report_a)
    for index in evenly_spread(min(EXAMPLES, count), count):
        picture = data.report_a[int(index)]
        if shown.labels is not None:
            picture = to_uint8(shown.labels.show(shown.labels.encode(picture)))
        yield picture
