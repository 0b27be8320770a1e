"""The command line that all experiments share: `--preset`, `--workdir` and a flag per field."""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import tyro

from ganc import cli
from ganc.compress.seeds import run_seeds
from ganc.errors import UserError
from ganc.scores.row import Row

_HELP = "run so often, in WORKDIR/seed0, seed1, ..., and report how the scores spread"
SEEDS = ("seeds", Annotated[int, tyro.conf.arg(help=_HELP)], 1)
"""The flag of experiments that have a seed."""


def launch(
    name: str,
    presets: Mapping[str, Any],
    run: Callable[..., Sequence[Row]],
    argv: Sequence[str] | None = None,
    *,
    flags: Sequence[tuple[str, Any, Any]] = (),
) -> None:
    """Runs an experiment as the command line says.

    Args:
        name: of the experiment; the default workdir is `runs/NAME-PRESET`.
        presets: name -> configuration, a frozen dataclass; the first is the default.
        run: `run(config, workdir)`, beside which it takes `flags`.
        argv: the command line, without the program; None for that of this process.
        flags: (name, type, default) of what `run` takes beside its configuration, by name.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    preset, module = _preset(argv, next(iter(presets))), sys.modules[run.__module__]
    with cli.one_line_errors():
        if preset not in presets:
            raise UserError(f"there is no preset {preset!r}; valid are {', '.join(presets)}")
    config = presets[preset]
    form = dataclasses.make_dataclass(
        "Flags",
        [
            ("preset", Literal[tuple(presets)], preset),
            ("workdir", Path, Path("runs") / f"{name}-{preset}"),
            *([SEEDS] if hasattr(config, "seed") else []),
            *flags,
            ("config", Annotated[type(config), tyro.conf.arg(name="")], config),
        ],
        frozen=True,
    )
    with cli.one_line_errors():
        asked: Any = tyro.cli(
            form,
            args=argv,
            prog=f"python -m {_program(module)}",
            description=module.__doc__,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
        count = getattr(asked, "seeds", 1)
        run = partial(run, **{flag: getattr(asked, flag) for flag, *_ in flags})
        if count == 1:
            run(asked.config, asked.workdir)
        else:
            run_seeds(run, asked.config, asked.workdir, count)


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
