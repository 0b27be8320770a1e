"""The stages of a once-for-all run, each of which can be run, resumed and reused alone.

What a finished stage leaves is files. A stage of another run is reused by copying them, where the
settings that decide it are the same: then it has left what this run would leave, and the run goes
on as if it were resumed.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganc import hosts
from ganc.compression.settings import Compression
from ganc.errors import UserError
from ganc.hosts.mirror import CHECKPOINTS, original
from ganc.runs import records
from ganc.runs.console import console
from ganc.runs.workdir import Workdir

STAGES = ("teacher", "pre_distillation", "supernet", "search", "specialise", "evaluate")

_WITHOUT: dict[str, tuple[str, ...]] = {
    "original": (),
    "fast": ("pre_distillation",),
    "scratch": ("pre_distillation", "supernet", "search"),
}
"""Pipeline -> the stages that it does not have."""

_DECIDED_BY: dict[str, tuple[str, ...]] = {
    "teacher": (
        *(
            "data",
            "direction",
            "size",
            "aspect",
            "crop",
            "skip_bad",
            "seed",
            "pipeline",
            "teacher",
            "train_teacher",
        ),
        *("ndf", "reconstruction"),
    ),
    "pre_distillation": (
        *("ngf", "blocks", "upsampling", "space", "arch", "distillation", "pre_distillation"),
    ),
    "supernet": ("inherit", "supernet"),
    "search": ("search",),
}
"""Stage that can be reused -> the settings that decide it, beside those of the stages before it."""

_LEAVES: dict[str, tuple[str, ...]] = {
    "teacher": (
        *("teacher", "teacher_back", "discriminator", "discriminator_back"),
        "checkpoints/teacher",
    ),
    "pre_distillation": ("checkpoints/pre_distillation",),
    "supernet": ("checkpoints/supernet",),
    "search": ("search.jsonl", "supernet", "latency.json", "calibration.npz"),
}


def parse_stages(text: str, pipeline: str) -> tuple[str, ...]:
    """The stages that `text` lists, such as `teacher,supernet`, in their order; all if it is empty.

    Raises:
        UserError: the pipeline has no such stage.
    """
    known = [stage for stage in STAGES if stage not in _WITHOUT[pipeline]]
    asked = [part.strip() for part in text.split(",") if part.strip()] or known
    for stage in asked:
        if stage not in known:
            raise UserError(f"there is no stage {stage!r}; valid are {', '.join(known)}")
    return tuple(stage for stage in known if stage in asked)


def prepare(work: Workdir, config: Compression) -> str:
    """Takes over what `--from` names and checks that nothing is missing; returns the last stage.

    Raises:
        UserError: a stage that is needed is neither asked for nor complete, or `--from` names no
            run that could be reused.
    """
    asked = parse_stages(config.stages, config.pipeline)
    if config.origin:
        _take(work, Path(config.origin).expanduser(), config, asked if config.stages else ())
    before = parse_stages("", config.pipeline)
    for stage in before[: before.index(asked[-1])]:
        if stage not in asked and stage not in work.stages():
            raise UserError(
                f"--stages {config.stages} needs the stage {stage}, which is not complete in "
                f"{work.path}; run it too, or name by --from a run of these settings that has it"
            )
    return asked[-1]


def _take(work: Workdir, other: Path, config: Compression, anew: Sequence[str]) -> None:
    """Copies the finished stages of `other` that are decided by the same settings."""
    if not other.exists() and work.stages():
        return  # what it had was taken before
    had, done = _read(other, work.experiment), _read_stages(other)
    now = json.loads((work.path / "config.json").read_text(encoding="utf-8"))["config"]
    taken, reason = [], ""
    for stage, names in _DECIDED_BY.items():
        if stage in _WITHOUT[config.pipeline]:
            reason = _changed(names, had, now, stage)
        elif stage in work.stages():
            continue
        elif stage in anew:
            reason = f"--stages names {stage}"
        else:
            missing = "" if stage in done else f"{other} has not completed {stage}"
            reason = missing or _changed(names, had, now, stage)
            if not reason:
                _copy(work, other, stage)
                work.complete(stage, done[stage])
                taken.append(stage)
        if reason:
            if not taken and not work.stages():
                raise UserError(f"nothing of {other} can be reused: {reason}")
            break
    if taken:
        ended = f"; then {reason}" if reason else ""
        console.print(
            f"taken from {other}: {', '.join(taken)}{ended}", soft_wrap=True, markup=False
        )


def _changed(names, had: Mapping[str, Any], now: Mapping[str, Any], stage: str) -> str:
    # A run from before there was a setting ran as if it had its default.
    before = {name: had.get(name, getattr(Compression, name, None)) for name in names}
    changed = [
        f"{name} was {before[name]!r}, now {now.get(name)!r}"
        for name in names
        if before[name] != now.get(name)
    ]
    return f"{stage} was run with other settings ({'; '.join(changed)})" if changed else ""


def _copy(work: Workdir, other: Path, stage: str) -> None:
    for name in _LEAVES[stage]:
        source, target = other / name, work.path / name
        shared = original(target.parent) != target.parent and name.startswith(CHECKPOINTS)
        if not source.exists() or shared:  # what is shared, the first process copies
            continue
        partial = target.with_name(f".{target.name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_file():
            shutil.copy2(source, partial)
        else:  # what a kill left of an earlier attempt goes first
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, partial)
        partial.replace(target)
    hosts.barrier("a stage is taken over")
    rows = [row for row in records.read(work.metrics) if row["stage"] != stage]
    rows += [row for row in records.read(other / work.metrics.name) if row["stage"] == stage]
    records.write(work.metrics, rows)


def _read(other: Path, experiment: str) -> dict[str, Any]:
    try:
        config = json.loads((other / "config.json").read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--from {other}: no workdir of a run") from error
    if config.get("experiment") != experiment:
        raise UserError(
            f"--from {other}: a run of {config.get('experiment')}, this is {experiment}; "
            "--teacher takes the teacher of any run"
        )
    return config


def _read_stages(other: Path) -> dict[str, Any]:
    file = other / "stages.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
