"""What nobody said follows from the teacher that was brought, the pictures, and the task.

A preset fits its own teacher and pictures. Brought another teacher, a run takes from it the width
and depth of the student, from both the size of the pictures, and a budget in proportion; of many
pictures there are more steps. A configuration of several tasks names by `needs(preset)` what its
task needs otherwise. Whatever is said stays as it is said.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganc.batching import evenly_spread
from ganc.compression.change import change, key
from ganc.compression.settings import Compression
from ganc.compression.teacher import model_directory, read_teacher
from ganc.data.dataset import ALIGNED
from ganc.data.files import list_pictures, read_size
from ganc.models import store
from ganc.models.families import family_of
from ganc.runs.console import console
from ganc.search.space import CHOICES
from ganc.train.stage import Training
from ganc.types import Generator, Model

WORDS = ("", "shipped", "train", "online")
"""What stands for a teacher and is none that somebody brought."""

_TAKEN: dict[str, dict[str, tuple[str, ...]]] = {
    "resnet": {"blocks": ("blocks",), "upsampling": ("upsampling",)},
    "munit": {
        name: (f"train_teacher.{name}", f"styles.{name}")
        for name in ("blocks", "downs", "style_dim", "mlp_dim")
    },
    "spade": {"upsampling": ("train_teacher.doublings", "maps.doublings")},
}
"""Family -> field of a teacher's specification -> the settings that say the same of a student."""

_LARGEST = 256
"""Side at which pictures of a teacher that says nothing of them are taken at most, px."""
_MOST = 10.0
"""How many times the steps of the preset a run on many pictures has at most."""
_TRIAL = 100
"""Steps up to which a stage, or a preset, shows that all works and stays as it is."""


def named(teacher: str) -> Model | None:
    """The teacher that somebody brought by name; None where it is a word."""
    return None if teacher in WORDS else read_teacher(teacher)


def follow(
    config: Any,
    preset: Any,
    said: frozenset[str],
    *,
    teacher: Model | None = None,
    student: Generator | None = None,
) -> Any:
    """`config` with what nobody said as the task, the teacher and the pictures want it, printed.

    Args:
        config: of a recipe.
        preset: what it was before anything was said.
        said: the names of the settings that were said, by `change.key`.
        teacher: what was brought; by default what `config` names.
        student: what was brought in place of the recipe's.

    Raises:
        UserError: the teacher or the pictures cannot be read.
    """
    if not hasattr(config, "teacher"):
        return config
    if teacher is None and config.teacher != preset.teacher:
        teacher = named(config.teacher)
    found: dict[str, Any] = dict(config.needs(preset))
    if teacher is not None and not _is_trial(preset):
        found |= _network(config, preset, said, teacher) | _size(config, preset)
    if student is not None and isinstance(config, Compression):
        found["space"] = narrower(_base(student))
    if _new(found, config, said):
        found |= _budget(config, said)
    found |= _features(config, teacher, student) | _steps(config, said)
    found = _new(found, config, said)
    if found:
        says = ", ".join(f"{name} {value}" for name, value in found.items())
        console.print(
            f"plan: from task, teacher and pictures follow {says}; flags of these names say "
            "otherwise",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return change(config, found)


def _new(found: Mapping[str, Any], config: Any, said: frozenset[str]) -> dict[str, Any]:
    """Of what was found, what is a setting, differs from the preset's and was not said."""
    result = {}
    for name, value in found.items():
        have: Any = config
        for part in name.split("."):
            have = getattr(have, part, None)
        if have is not None and have != value and key(name) not in said:
            result[name] = value
    return result


def _network(config: Any, preset: Any, said: frozenset[str], teacher: Model) -> dict[str, Any]:
    """Depth and width of the student, where it is of the teacher's family."""
    spec = teacher.generator.spec
    if family_of(spec) not in _TAKEN or not hasattr(preset, "ngf"):
        return {}
    found: dict[str, Any] = {}
    for field, names in _TAKEN[family_of(spec)].items():
        found |= dict.fromkeys(names, getattr(spec, field))
    # As wide, beside its teacher, as the preset's student is beside the preset's.
    whole = getattr(preset, "wider", 0) or preset.train_teacher.ngf
    width = config.ngf if "ngf" in said else max(1, round(spec.ngf * preset.ngf / whole))
    if width != preset.ngf and getattr(config, "space", ""):
        found["space"] = narrower(width, preset.space, preset.ngf)
    return found | {"ngf": width}


def narrower(width: int, like: str = "24/20/16/12/8", whole: int = 24) -> str:
    """Widths for every slot, in the proportions in which `like` has them of `whole`.

    Example:
        >>> narrower(64)
        '64/52/44/32/20'
    """
    choices = CHOICES[like][-1] if like in CHOICES else tuple(map(int, like.split("/")))
    unit = max(1, width // 16)
    widths = {max(1, round(width * each / whole / unit) * unit) for each in choices}
    return "/".join(map(str, sorted(widths | {width}, reverse=True)))


def _base(student: Generator) -> int:
    """The entry of an architecture at full width."""
    groups = [(student.widths[g] // n) for slot in student.slots for g, n in slot.groups.items()]
    return min(groups)


def _budget(config: Any, said: frozenset[str]) -> dict[str, Any]:
    """A tenth of the teacher's, where there is a budget and nobody said another."""
    if (
        said & {"search_budget", "search_limit", "arch"}
        or getattr(config, "counted", "") == "bytes"
    ):
        return {}
    held = getattr(config, "budget", None) or isinstance(config, Compression)
    return {"budget": "10x"} if held or getattr(config, "space", "") else {}


def _features(config: Any, teacher: Model | None, student: Generator | None) -> dict[str, Any]:
    """No distillation of features where one of the two shows none."""
    networks = [teacher.generator if teacher else None, student]
    if all(network is None or network.taps for network in networks):
        return {}
    return {"distillation": 0.0} if isinstance(config, Compression) else {"channels": 0.0}


def _size(config: Any, preset: Any) -> dict[str, Any]:
    path = Path(config.teacher).expanduser()
    about = store.read_about(model_directory(path)) if path.is_dir() else {}
    side = (about.get("shape") or [about.get("size")])[0]
    if isinstance(side, int):
        return {"size": side}
    folder = _folder(config.data)
    if folder is None or config.data == preset.data:
        return {}
    paths = list_pictures(folder)
    some = [paths[int(i)] for i in evenly_spread(min(16, len(paths)), len(paths))]
    side = int(np.median([min(read_size(path)) for path in some]))
    return {"size": max(32, min(_LARGEST, side) // 32 * 32)}


def _steps(config: Any, said: frozenset[str]) -> dict[str, Any]:
    """So many steps that every stage sees every picture of a folder once."""
    folder = _folder(config.data)
    pictures = len(list_pictures(folder)) if folder else 0
    found = {}
    for field in dataclasses.fields(config):
        stage = getattr(config, field.name)
        if said & {
            f"{field.name}_constant_steps",
            f"{field.name}_decay_steps",
            f"{field.name}_batch",
        }:
            continue
        if not isinstance(stage, Training) or not _TRIAL < stage.steps <= pictures / stage.batch:
            continue
        times = min(_MOST, pictures / stage.pictures)
        for name in ("constant_steps", "decay_steps"):
            found[f"{field.name}.{name}"] = round(times * getattr(stage, name))
    return found


def _is_trial(preset: Any) -> bool:
    stages = [getattr(preset, field.name) for field in dataclasses.fields(preset)]
    return all(stage.steps <= _TRIAL for stage in stages if isinstance(stage, Training))


def _folder(address: str) -> Path | None:
    """Where the training pictures of A are, in a folder of pictures; None elsewhere."""
    if not address.startswith("folder:"):
        return None
    directory = Path(address.removeprefix("folder:").removesuffix(ALIGNED)).expanduser()
    found = (directory / name for name in ("trainA", "train"))
    return next((folder for folder in found if folder.is_dir()), None)
