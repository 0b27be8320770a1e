"""Writes docs/models.md: every family with its published counts beside ours.

    python tests/contracts/page.py

The rows are those that the contract tests hold; what is said of the references' defects stands in
`defects.md` beside this file.
"""

import dataclasses
from pathlib import Path

from cases import COSTS, Cost

from ganc.models.families import FAMILIES, family_of

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "models.md"
HEAD = """# Families of generators

Written by `python tests/contracts/page.py`; a test holds it up to date. "Published" is what the
papers, their released code or a profiler of that code give, as each row's source in
`tests/contracts/rows` says; "ours" is what `ganc.metrics.cost` counts on the network that runs.

Multiply-adds are counted by four conventions (`ganc.metrics.cost.Convention`):

- **published**: as torchprofile 0.0.1. Transposed convolutions at their output, which is four times
  what they compute; instance norms, products and global means one per element.
- **torchprofile-0.0.3**: as torchprofile 0.0.3 and newer. Norms only if they have a scale, batch
  norms too.
- **convolutions**: convolutions alone, transposed ones at their output; GAN Slimming prints it
  divided by 2^30.
- **true**: what convolutions and matrices compute, transposed ones at their input.
"""


def describe(spec: object) -> str:
    """The fields of a specification that are not at their defaults."""
    fields = [f for f in dataclasses.fields(spec) if getattr(spec, f.name) != f.default]  # pyright: ignore
    shown = [f.name if (v := getattr(spec, f.name)) is True else f"{f.name} {v}" for f in fields]
    return ", ".join(shown) or "as published"


def section(family: str, rows: list[Cost]) -> str:
    """The table of one family: a row per published model, two columns per count."""
    conventions = list(dict.fromkeys(c for row in rows for c in row.macs))
    counts = ["parameters", *conventions]
    head = ["model", "specification", "input", *(f"{c} | ours" for c in counts)]
    lines = [
        f"## {family}",
        (FAMILIES[family].__doc__ or "").strip(),
        "| " + " | ".join(head) + " |\n|---|---|---|" + "--:|--:|" * len(counts),
    ]
    return "\n\n".join(lines) + "".join(f"\n| {' | '.join(cells(row, counts))} |" for row in rows)


def cells(row: Cost, counts: list[str]) -> list[str]:
    """The cells of one row."""
    spec = describe(row.spec) + (f", `{row.arch}`" if row.arch else "")
    if row.widths:
        spec += f", widths {' '.join(map(str, row.widths.values()))}"
    size = f"{row.size[0]}x{row.size[1]}" + "".join(f", {name} given" for name in row.inputs)
    result = [row.model, spec, size, f"{row.params:,}", f"{row.count('parameters'):,}"]
    for convention in counts[1:]:
        published = row.macs.get(convention)
        shown = ("", "") if published is None else (published, row.count(convention))
        result += [f"{count:,}" if count else "" for count in shown]
    return result


def page() -> str:
    """The whole page."""
    parts = [HEAD.strip()]
    for family in FAMILIES:
        parts.append(
            section(family, [row for row in COSTS if row.model and family_of(row.spec) == family])
        )
    parts.append((HERE / "defects.md").read_text(encoding="utf-8").strip())
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written to {PAGE.relative_to(PAGE.parents[1])}")
