"""The command line that all experiments share: `--preset`, `--workdir` and a flag per field."""

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import tyro

from ganc import cli, ranges
from ganc.compression import help
from ganc.compression.accelerators import in_precision
from ganc.compression.change import key
from ganc.compression.command import called
from ganc.compression.seeds import run_seeds
from ganc.data.files import PIXELS, allow_pixels
from ganc.errors import UserError
from ganc.hosts.membership import HELP, join, together
from ganc.hosts.mirror import mirrored
from ganc.nn.precision import Precision
from ganc.scores.row import Row

_SEEDS = "run so often, in WORKDIR/seed0, seed1, ..., and report how the scores spread"
_WORKDIR = "of the run; by default runs/, named after experiment, preset, data and teacher"
Follow = Callable[[Any, Any, frozenset[str]], Any]
SEEDS = ("seeds", Annotated[int, tyro.conf.arg(help=_SEEDS), ranges.whole(1, 1000)], 1)
"""The flag of experiments that have a seed."""
MAX_PIXELS = (
    "max_pixels",
    Annotated[int, tyro.conf.arg(help="of a picture; more are refused"), ranges.whole(1, 10**10)],
    PIXELS,
)
"""The flag of all that read pictures."""
DISTRIBUTED = ("distributed", Annotated[str, tyro.conf.arg(help=HELP)], "")
"""The flag of all that several processes can share."""
_PRECISION = "of activations in every training of the run: float32 or bf16; by default as they say"
PRECISION = ("precision", Annotated[Precision | None, tyro.conf.arg(help=_PRECISION)], None)
"""The flag of experiments with several trainings."""


def launch(
    name: str,
    presets: Mapping[str, Any],
    run: Callable[..., Sequence[Row]],
    argv: Sequence[str] | None = None,
    *,
    flags: Sequence[tuple[str, Any, Any]] = (),
    program: str = "",
    follow: Follow = lambda config, preset, said: config,
) -> None:
    """Runs an experiment as the command line says.

    Args:
        name: of the experiment; see `default_workdir`.
        presets: name -> configuration, a frozen dataclass; the first is the default.
        run: `run(config, workdir)`, beside which it takes `flags`.
        argv: the command line, without the program; None for that of this process.
        flags: (name, type, default) of what `run` takes beside its configuration, by name.
        follow: `follow(config, preset, said)` -> the configuration to run, where `said` are the
            names of the flags that were given, as `change.key` writes them.
        program: what help calls it; by default the module of `run`, which help describes.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    preset, module = _preset(argv, next(iter(presets))), sys.modules[run.__module__]
    program = program or f"python -m {_program(module)}"
    with cli.one_line_errors():
        if preset not in presets:
            raise UserError(f"there is no preset {preset!r}; valid are {', '.join(presets)}")
        asked_for = help.topic(argv)
        if asked_for == "":
            print(help.first_screen(program, module.__doc__ or "", presets, preset))
            sys.exit(0)
    config = presets[preset]
    if asked_for is not None:
        _explain(asked_for, config, program)
        argv = ["--help"]
    form = dataclasses.make_dataclass(
        "Flags",
        [
            ("preset", Literal[tuple(presets)], preset),
            ("workdir", Annotated[Path | None, tyro.conf.arg(help=_WORKDIR)], None),
            *([SEEDS] if hasattr(config, "seed") else []),
            MAX_PIXELS,
            DISTRIBUTED,
            *([] if hasattr(config, "precision") else [PRECISION]),
            *flags,
            ("config", Annotated[type(config), tyro.conf.arg(name="")], config),
        ],
        frozen=True,
    )
    with cli.one_line_errors(), called(program, argv):
        asked: Any = cli.parse(
            form,
            args=argv,
            prog=program,
            description=module.__doc__,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
        ranges.check(asked, nameless="config")
        allow_pixels(asked.max_pixels)
        count = getattr(asked, "seeds", 1)
        run = partial(run, **{flag: getattr(asked, flag) for flag, *_ in flags})
        workdir = asked.workdir or default_workdir(f"{name}-{preset}", config, asked.config)
        said = frozenset(key(word.partition("=")[0]) for word in argv if word.startswith("--"))
        wanted = follow(asked.config, config, said)
        if getattr(asked, "precision", None):
            wanted = in_precision(wanted, asked.precision)
        join(asked.distributed)
        with together(), mirrored(workdir) as place:
            if count == 1:
                run(wanted, place)
            else:
                run_seeds(run, wanted, place, count)


def _explain(group: str, config: Any, program: str) -> None:
    """Prints the help of one group of flags and ends; comes back where all are asked for."""
    name = group.replace("-", "_")
    groups = [f.name for f in dataclasses.fields(config) if help.is_group(config, f.name)]
    with cli.one_line_errors():
        if name not in ("all", *groups):
            valid = ", ".join(("all", *groups)).replace("_", "-")
            raise UserError(f"there is no help of {group!r}; valid are {valid}")
        if name in groups:
            value = getattr(config, name)
            form = dataclasses.make_dataclass("Group", [(name, type(value), value)], frozen=True)
            cli.parse(form, args=["--help"], prog=program)


def default_workdir(name: str, preset: Any, config: Any) -> Path:
    """`runs/NAME`, with data and teacher behind it where they are not those of the preset.

    Example:
        >>> @dataclasses.dataclass
        ... class Config:
        ...     data: str = "earth"
        ...     teacher: str = "shipped"
        >>> default_workdir("toy", Config(), Config("folder:~/my horses", "nets/latest_G.pth"))
        PosixPath('runs/toy-my_horses-latest_G')
    """
    parts = [name]
    for field in ("data", "teacher"):
        value = getattr(config, field, "")
        if value != getattr(preset, field, ""):
            stem = Path(value.rpartition(":")[2].partition("?")[0]).stem
            parts.append(re.sub(r"[^\w.-]+", "_", stem)[:40].strip("._") or "own")
    return Path("runs") / "-".join(parts)


def _program(module: ModuleType) -> str:
    # Of a module that was started, the name is __main__; its specification knows better.
    name = module.__spec__.name if module.__spec__ else module.__name__
    return name.removesuffix(".__main__")


def _preset(argv: Sequence[str], default: str) -> str:
    # The preset sets the defaults of the other flags, so it must be known before they are parsed.
    for i, word in enumerate(argv):
        if word.startswith("--preset="):
            return word.partition("=")[2]
        if word == "--preset" and i + 1 < len(argv):
            return argv[i + 1]
    return default
