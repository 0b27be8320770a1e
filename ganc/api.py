"""The package from Python: `ganc.compress` does what `ganc compress` does."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import jax

from ganc import memory, recipes
from ganc.compression.change import change, key
from ganc.compression.launch import default_workdir
from ganc.compression.omgd_settings import ONLINE
from ganc.compression.teacher import model_directory
from ganc.data.dataset import ALIGNED
from ganc.data.writing import Given, write_folder
from ganc.errors import UserError
from ganc.models import store
from ganc.models.families import OWN, family_of
from ganc.models.flat import params_sha256
from ganc.recipes.following import follow, named
from ganc.runs.workdir import GIVEN
from ganc.scores.row import Row
from ganc.search.evolution import Candidate
from ganc.search.pareto import front
from ganc.search.search import read_search
from ganc.types import Generator, Model, Params

Place: TypeAlias = str | PathLike[str]
Teacher: TypeAlias = Model | tuple[Generator, Params] | Place

_TASKS = {"munit": "munit", "spade": "gaugan", "dcgan": "dcgan", "srgan": "srgan"}
"""Family -> the task of its networks, where they have one alone."""
_PAIRED, _LABELLED, _UNPAIRED = "pix2pix", "gaugan", "cyclegan"


@dataclasses.dataclass(frozen=True)
class Compressed:
    """What a run left, read from its workdir when it is asked for.

    Attributes:
        workdir: of the run; the same call goes on with it, or finds it complete.
        rows: the models with their costs and scores, and the references beside them.
        own: the generator of the student, where it is of a network of one's own.
    """

    workdir: Path
    rows: tuple[Row, ...] = dataclasses.field(repr=False)
    own: Generator | None = dataclasses.field(default=None, repr=False)

    @cached_property
    def student(self) -> Model:
        """The compressed generator with its weights."""
        return store.load(self.workdir / "student", self.own)

    @cached_property
    def front(self) -> tuple[Candidate, ...]:
        """Of the architectures that were searched the best, by rising cost; none without a search.

        `ganc.pick.pick_from_run` cuts any of them out.
        """
        return tuple(front(read_search(self.workdir)))

    @property
    def report(self) -> Path:
        """The page to look at."""
        return self.workdir / "report.html"


def compress(
    teacher: Teacher | None = None,
    data: str | Given | None = None,
    method: str = "once_for_all",
    *,
    task: str = "",
    student: Generator | None = None,
    budget: float | str | None = None,
    preset: str = "",
    workdir: Place | None = None,
    seed: int = 0,
    **settings: Any,
) -> Compressed:
    """Makes a generator cheaper: what `ganc compress RECIPE` does, from Python.

    With nothing said it is the default run: the teacher that ships with the package, on pictures of
    the Earth. Called again with the same words it goes on where it was interrupted.

    Args:
        teacher: a model; a generator with its parameters, such as `ganc.own` makes of any network;
            a PyTorch checkpoint, a model directory or the workdir of a run; "shipped"; or "train",
            which under "omgd" learns along with its student. None: as the preset says. A model is
            stored as WORKDIR/given/teacher.
        data: an address, such as "folder:DIR", or pictures: see `ganc.data.writing.Given`. They are
            written to WORKDIR/given/pictures, without loss, so that the run can be resumed. None:
            as the preset says.
        method: "once_for_all", "omgd", "slimming" or "self_supervised".
        task: "cyclegan", "pix2pix", "munit" or "gaugan"; by self-supervision also "style", "dcgan",
            "srgan" and "stargan". Empty: what the teacher was trained for, where that is known,
            else pix2pix for pairs (`?aligned`), gaugan for label maps of the Earth, else cyclegan.
        student: what is trained, at full width; by default the small network of the recipe, of the
            teacher's width and depth, or the teacher itself where it is a network of one's own.
            Slimming begins with a copy of the teacher, self-supervision always does.
        budget: the most multiply-adds, or "10x" for a tenth of the teacher's. None: as the preset
            says for its own teacher, 10x for another.
        preset: of the recipe, such as "smoke"; empty: its first.
        workdir: by default one in `runs/`, named after recipe, preset, data and teacher.
        seed: of everything random.
        settings: what else the recipe takes, by the names of its flags with underscores, such as
            `size=128` or `supernet_batch=4`; `--help all` of its command lists them.

    Raises:
        UserError: something cannot be used, said in one line; no workdir is made then, but for what
            was given from memory.
        RunError: the run cannot go on.

    Example:
        >>> compress(method="pruning")
        Traceback (most recent call last):
        ...
        ganc.errors.UserError: there is no method 'pruning'; valid are once_for_all, omgd, \
slimming, self_supervised
    """
    memory.keep_freed_memory()
    brought, words = _split(teacher)
    if (method, words) == ("omgd", "train"):
        words = ONLINE
    network = brought or named(words)
    task = task or _task_of(network, words, data)
    recipe = recipes.find_by(method, task)
    base, preset = _preset(recipe, preset)
    said = settings | {"seed": seed} | _said(base, method, task, student, budget)
    pictures = None if data is None or isinstance(data, str) else data
    for name, value, given in (("teacher", words, brought), ("data", data, pictures)):
        if given is not None or value:
            said[name] = "own" if given is not None else value
    config = change(base, said)
    name = f"{recipe.__name__.rpartition('.')[2]}-{preset}"
    place = Path(workdir) if workdir else default_workdir(name, base, config)
    config = change(config, _keep(place / GIVEN, brought, pictures))

    networks = {} if brought is None else {"teacher": brought.generator}
    if student is None and brought and family_of(brought.generator.spec) == OWN:
        student = brought.generator
    if student is not None and method != "self_supervised":
        networks["student"] = student
    names = frozenset(map(key, said))
    config = follow(config, base, names, teacher=network, student=student)
    rows = recipe.run(config, place, **networks)
    return Compressed(place, tuple(rows), student)


def _split(teacher: Teacher | None) -> tuple[Model | None, str]:
    """What was brought from memory, or the words for what is elsewhere."""
    if teacher is None or isinstance(teacher, str | PathLike):
        return None, "" if teacher is None else str(teacher)
    if not isinstance(teacher, tuple) or not isinstance(teacher[0], Generator):
        raise UserError(
            "teacher takes a Model, (generator, params), a path, 'shipped' or 'train'; got "
            f"{type(teacher).__name__}"
        )
    return teacher if isinstance(teacher, Model) else Model(teacher[0], teacher[1]), ""


def _task_of(teacher: Model | None, words: str, data: str | Given | None) -> str:
    about = {}
    if teacher is not None and words and Path(words).expanduser().is_dir():
        about = store.read_about(model_directory(Path(words).expanduser()))
    if isinstance(task := about.get("task"), str):
        return task
    if teacher is not None and (task := _TASKS.get(family_of(teacher.generator.spec))):
        return task
    address = data if isinstance(data, str) else ""
    if address.startswith("earth:labels"):
        return _LABELLED
    return _PAIRED if address.endswith(ALIGNED) else _UNPAIRED


def _preset(recipe: ModuleType, name: str) -> tuple[Any, str]:
    presets: Mapping[str, Any] = recipe.PRESETS
    name = name or next(iter(presets))
    if name not in presets:
        raise UserError(f"there is no preset {name!r}; valid are {', '.join(presets)}")
    return presets[name], name


def _said(
    base: Any, method: str, task: str, student: Generator | None, budget: float | str | None
) -> dict[str, Any]:
    """What the words of `compress` are among the settings of a recipe."""
    said: dict[str, Any] = {}
    if budget is not None:
        if not hasattr(base, "budget"):
            raise UserError(f"{method} has no budget; sparsity= says how many of the weights go")
        text = isinstance(base.budget, str) and not isinstance(budget, str)
        said["budget"] = f"{budget:.15g}" if text else budget
    if method == "self_supervised":
        said["task"] = task
        if student is not None:
            raise UserError("self_supervised prunes a copy of its teacher; leave out student=")
    if method == "slimming" and student is not None:
        said["student"] = "random"
    return said


def _keep(folder: Path, teacher: Model | None, pictures: Given | None) -> dict[str, str]:
    """Writes what was given from memory, or finds it there; returns how settings name it."""
    found: dict[str, str] = {}
    if pictures is not None:
        write_folder(folder / "pictures", pictures)
        found["data"] = f"folder:{folder / 'pictures'}"
    if teacher is None:
        return found
    place = folder / "teacher"
    teacher = teacher._replace(params=jax.device_get(teacher.params))
    if not (place / "model.json").exists():
        store.save(place, teacher, {})
    elif params_sha256(store.load(place, teacher.generator).params) != params_sha256(
        teacher.params
    ):
        raise UserError(f"{place} is another teacher than the given one; name another workdir")
    return found | {"teacher": str(place)}
