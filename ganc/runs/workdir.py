"""The directory of one run: what it was asked to do, and which of its stages are complete."""

import dataclasses
import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import jax

from ganc import ranges
from ganc.errors import UserError
from ganc.runs import records

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

_CONFIG, _LOCK = "config.json", ".lock"
GIVEN = "given"
"""The folder of what a run was given from memory; it is there before the run begins."""
_NAMED = 5
"""Differences between configurations that a message names."""


class _Lock:
    """Keeps other processes out of a workdir; the system takes it away with the process."""

    def __init__(self, file: Path):
        self._file = file.open("ab")  # writes nothing: a complete run is not touched
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UserError(
                f"another run is at work in the workdir {file.parent}; wait for its end, or name "
                "another --workdir"
            ) from None
        except OSError:
            pass  # a file system without locks

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


# One lock for all workdirs of one place in this process: a run that was interrupted in a notebook
# lives on in its traceback, and is resumed beside it.
_LOCKS: WeakValueDictionary[Path, _Lock] = WeakValueDictionary()


def _locked(path: Path) -> _Lock:
    place = path.resolve()
    lock = _LOCKS.get(place)
    if lock is None:
        lock = _LOCKS[place] = _Lock(place / _LOCK)
    return lock


class Workdir:
    """A run's directory, tied to one configuration.

    `config.json` holds the configuration and what it first ran on, `stages.json` the stages that
    are complete.
    """

    def __init__(self, path: Path, experiment: str, config: Any):
        self.path = path.expanduser().absolute()
        self.experiment = experiment
        ranges.check(config)
        asked = json.loads(json.dumps({"experiment": experiment} | dataclasses.asdict(config)))
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"the workdir {path} cannot be made: {error.strerror}") from error
        file = self.path / _CONFIG
        # A kill while config.json was being written leaves its partial file, and no run.
        others = {entry.name for entry in self.path.iterdir()} - {f"{_CONFIG}.partial", _LOCK}
        if others - {GIVEN} and not file.exists():
            raise UserError(
                f"the workdir {path} holds files but no run; name an empty or a new directory"
            )
        self._lock = _locked(self.path)
        if file.exists():
            _check_same(path, _read_config(file), asked)
        else:
            about = {"config": asked, "environment": environment()}
            records.replace(file, json.dumps(about, indent=2) + "\n")

    @property
    def metrics(self) -> Path:
        """The training scalars of all stages."""
        return self.path / "metrics.jsonl"

    @property
    def looks(self) -> Path:
        """A line for each time that the report split was looked at."""
        return self.path / "looks.jsonl"

    def checkpoints(self, stage: str) -> Path:
        """The folder of a training stage's checkpoints."""
        return self.path / "checkpoints" / stage

    def complete(self, stage: str, result: dict[str, Any]) -> None:
        """Marks a stage complete."""
        stages = self.stages() | {stage: result}
        records.replace(self.path / "stages.json", json.dumps(stages, indent=2) + "\n")

    def stages(self) -> dict[str, Any]:
        """The stages that are complete, and what each left."""
        file = self.path / "stages.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def environment(self) -> dict[str, Any]:
        """What the run first ran on; see `environment`."""
        return json.loads((self.path / _CONFIG).read_text(encoding="utf-8"))["environment"]


def _read_config(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is not the configuration of a run") from error


def _check_same(path: Path, had: dict[str, Any], asked: dict[str, Any]) -> None:
    had, asked = _flat(had), _flat(asked)
    changed = [
        f"{key} was {had.get(key)!r}, now {asked.get(key)!r}"
        for key in sorted(had | asked)
        if had.get(key) != asked.get(key)
    ]
    if len(changed) > _NAMED:
        changed[_NAMED:] = [f"and {len(changed) - _NAMED} more"]
    if changed:
        raise UserError(
            f"the workdir {path} belongs to another configuration ({'; '.join(changed)}); "
            "repeat its flags to resume it, or name another --workdir"
        )


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by the names of their flags, such as supernet.batch."""
    flat = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def environment() -> dict[str, Any]:
    """Versions, devices and the commit that a run ran on."""
    packages = ("ganc", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pillow")
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
        "machine": platform.machine(),
        "commit": _commit(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None  # a checkout that runs without being installed


def _commit() -> str | None:
    here = Path(__file__)

    def git(*words: str) -> str:
        options = {"cwd": here.parent, "capture_output": True, "text": True, "check": True}
        return subprocess.run(["git", *words], **options).stdout.strip()

    try:
        # Installed into somebody's project, the package must not claim that project's commit.
        git("ls-files", "--error-unmatch", here.name)
        return git("rev-parse", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return None
