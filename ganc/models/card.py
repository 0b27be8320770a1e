"""The model card of a stored generator, in the form of the Hugging Face Hub.

Everything in it comes from what is stored along with the network; what nobody but its owner can
know, the licences above all, is left to be filled in.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ganc.errors import one_line
from ganc.models.families import family_of
from ganc.models.flat import flatten, params_sha256
from ganc.types import Model

_HEADER = """\
---
# unknown is to be replaced: see "Licences" below
license: unknown
library_name: ganc
pipeline_tag: image-to-image
tags: [jax, gan, image-to-image, model-compression]
---
"""

_USE = """\
## Use

```python
from ganc.models import store

model = store.load("DIRECTORY")
picture = model.generator.apply(model.params, x).image  # x and picture (b h w c), in [-1, 1]
```

`python -m ganc.translate DIRECTORY PICTURES OUT` translates a folder of pictures, and
`python -m ganc.export.onnx DIRECTORY model.onnx` writes a file that runs without JAX.
"""

_LICENCES = """\
## Licences

To be filled in before the model is passed on:

- of these weights:
- of the pictures that it was trained on:
- of the teacher that it was distilled from:
"""

_TOLD = ("task", "data", "shape", "size", "budget", "teacher_sha256", "macs", "scores", "intervals")
"""What is said in words; all else that is known of a model is listed as it is."""


def card(model: Model, about: Mapping[str, Any]) -> str:
    """The card of a generator, Markdown; `about` is what is stored along with it."""
    rows = "\n".join(
        f"| {one_line(label)} | {one_line(value)} |" for label, value in facts(model, about)
    )
    parts = [
        _HEADER,
        f"# {family_of(model.generator.spec)} {_arch(model)}\n",
        f"An image-to-image generator, stored by ganc.\n\n| | |\n|---|---|\n{rows}\n",
        _scores(about),
        _USE,
        _LICENCES,
    ]
    return "\n".join(parts)


def facts(model: Model, about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is known of a generator but its scores, as label and value; see `card`."""
    generator = model.generator
    yield "family", f"{family_of(generator.spec)} {_listed(dataclasses.asdict(generator.spec))}"
    yield "architecture", _arch(model)
    learned = [a for n, a in flatten(model.params).items() if n not in generator.statistics]
    yield "parameters", f"{sum(array.size for array in learned):,}"
    if "macs" in about:
        yield "multiply-adds of one picture", _listed(about["macs"])
    kind = "RGB pictures" if generator.channels_in == 3 else "label maps"
    yield "input", f"{kind} of {generator.channels_in} channels"
    size = trained_at(about)
    trained = f"{size[0]}x{size[1]} px; " if size else ""
    yield (
        "intended size",
        f"{trained}multiples of {generator.divisor} from {generator.minimum} px up are taken",
    )
    for label, key in (("task", "task"), ("training data", "data"), ("budget", "budget")):
        if about.get(key) is not None:
            yield label, str(about[key])
    if "teacher_sha256" in about:
        yield "teacher, SHA-256 of its parameters", about["teacher_sha256"]
    yield "SHA-256 of the parameters", params_sha256(model.params)
    for key, value in about.items():
        if key not in _TOLD:
            yield key.replace("_", " "), str(value)


def trained_at(about: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width of the pictures that a model was trained on, where that is stored."""
    size = about.get("shape") or ([about["size"]] * 2 if "size" in about else None)
    return None if size is None else (size[0], size[1])


def _arch(model: Model) -> str:
    return "_".join(map(str, model.arch)) if model.arch else "without an architecture string"


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:,}" if type(value) is int else f"{key} {value}"
        for key, value in values.items()
    )


def _scores(about: Mapping[str, Any]) -> str:
    if not about.get("scores"):
        return "## Scores\n\nNone are on record.\n"
    ends, lines = about.get("intervals", {}), ["| protocol | value | interval |", "|---|--:|--:|"]
    for protocol, value in about["scores"].items():
        interval = "{:.4g} to {:.4g}".format(*ends[protocol]) if protocol in ends else ""
        number = "" if value is None else f"{value:.4g}"
        lines.append(f"| `{protocol}` | {number} | {interval} |")
    return "\n".join(["## Scores\n", *lines, ""])
