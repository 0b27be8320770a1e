"""Several configurations of one experiment side by side: an ablation, or a method's baselines."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from flax.traverse_util import flatten_dict

from ganc.compression.finish import RESULTS
from ganc.errors import UserError
from ganc.runs import records
from ganc.runs.console import console
from ganc.scores.row import Row
from ganc.scores.table import print_table

ABLATION = "ablation.jsonl"
"""A row per variant, as in `results.jsonl`, with the settings in which it differs from the first
of all variants."""

_HELP = "the variants to run now, in WORKDIR/NAME, after what they need; none named: all"
ONLY = ("only", Annotated[tuple[str, ...], tyro.conf.arg(help=_HELP)], ())
"""The flag of experiments that run variants, for `launch`."""


@dataclass(frozen=True)
class Variant:
    """One of them.

    Attributes:
        run: `run(config, workdir)` -> rows; resumes what is there.
        config: a dataclass.
        needs: the name of an earlier variant whose networks it takes; empty: of none.
    """

    run: Callable[[Any, Path], Sequence[Row]]
    config: Any
    needs: str = ""


def run_variants(
    variants: Mapping[str, Variant], workdir: Path, only: Sequence[str] = ()
) -> list[Row]:
    """Runs each variant in `workdir`/NAME, writes `ABLATION` and prints one table.

    They run in their order, so a later one may take what an earlier one left. With `only`, what
    those need runs too, unless an earlier call left it. Under several seeds this is the `run` of
    `run_seeds`.

    Args:
        variants: name -> variant; the others are compared with the first.
        workdir: where they go.
        only: the names of those to run; empty: all.

    Returns: a row per variant that ran now, under its name: its student or, without one, its last
        model; and before them the teacher of the first that has a student.

    Raises:
        UserError: a name is of no variant, or the workdir holds a run of one configuration.
    """
    for name in only:
        if name not in variants:
            raise UserError(f"there is no variant {name!r}; valid are {', '.join(variants)}")
    workdir = workdir.expanduser()
    if (workdir / "config.json").exists():
        raise UserError(f"the workdir {workdir} holds a run of its own; name another --workdir")
    first, teachers, rows, lines = next(iter(variants.values())), [], [], []
    chosen = _with_needed(variants, workdir, only) if only else variants
    for name, variant in variants.items():
        if name not in chosen:
            continue
        console.rule(name)
        done = variant.run(variant.config, workdir / name)
        found = {row.name: row for row in done if row.params is not None}
        if "student" in found and not teachers:
            teachers = [dataclasses.replace(found["teacher"], name=f"teacher of {name}")]
        row = dataclasses.replace(found.get("student") or list(found.values())[-1], name=name)
        rows.append(row)
        lines.append(row.to_json() | {"settings": _changed(first.config, variant.config)})
    records.write(workdir / ABLATION, [*(row.to_json() for row in teachers), *lines])
    print_table([*teachers, *rows], f"variants in {workdir}")
    return [*teachers, *rows]


def _with_needed(variants: Mapping[str, Variant], workdir: Path, only: Sequence[str]) -> set[str]:
    """`only`, and what those need that is not there yet."""
    chosen, new = set[str](), set(only)
    while new:
        chosen |= new
        needed = {variants[name].needs for name in new} - chosen - {""}
        new = {name for name in needed if not (workdir / name / RESULTS).exists()}
    return chosen


def _changed(first: Any, other: Any) -> dict[str, Any]:
    """The settings of `other` that `first` has too, and differently."""
    had, has = (flatten_dict(dataclasses.asdict(config), sep=".") for config in (first, other))
    return {key: has[key] for key in has if key in had and has[key] != had[key]}
