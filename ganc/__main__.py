"""The command `ganc`, also `python -m ganc`: one name before each thing that people start."""

import importlib
import sys
from collections.abc import Sequence

from ganc import __version__, cli, recipes
from ganc.errors import UserError

COMMANDS = {
    "compress": ("ganc.recipes", "make a generator cheaper, or train a teacher: by recipes"),
    "translate": ("ganc.translate", "apply a stored model to a folder of pictures"),
    "metrics": ("ganc.metrics.__main__", "score a folder of pictures against real ones"),
    "export torch": ("ganc.export.torch", "a PyTorch checkpoint into a model directory, or back"),
    "export onnx": ("ganc.export.onnx.__main__", "a file that ONNX Runtime and others run"),
    "export web": ("ganc.export.web.__main__", "a page that runs models in a browser"),
    "export litert": ("ganc.export.litert", "a LiteRT (TensorFlow Lite) file for phones"),
    "export stablehlo": ("ganc.export.stablehlo", "what jax.export serialises"),
    "serve": ("ganc.serve", "show such a page on this machine"),
    "pick": ("ganc.pick", "cut another student out of a finished run"),
    "compare": ("ganc.compare", "the students of several runs in one table and figure"),
    "info": ("ganc.info", "say what a model directory or a checkpoint holds"),
}
"""Name -> the module whose `main` it is, and what it does."""


def usage() -> str:
    """All commands, in a few lines."""
    lines = (f"  {name:<17} {about}" for name, (_, about) in COMMANDS.items())
    return "\n".join(
        (
            f"ganc {__version__}: conditional GAN generators 10 to 40 times cheaper",
            "",
            *lines,
            "",
            "ganc COMMAND --help says more; ganc --version the version.",
        )
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Runs what the command line asks for.

    Raises:
        SystemExit: see `ganc.cli.run`.
    """
    name, *rest = [*(sys.argv[1:] if argv is None else argv)] or ["--help"]
    with cli.one_line_errors():
        if name in ("--help", "-h", "help", "--version"):
            print(__version__ if name == "--version" else usage())
            return
        if rest and f"{name} {rest[0]}" in COMMANDS:
            name = f"{name} {rest.pop(0)}"
        if name not in COMMANDS:
            near = [known for known in COMMANDS if known.startswith(f"{name} ")]
            said = " ".join([name, *rest[:1]]) if near else name
            raise UserError(
                f"there is no command {said!r}; valid are {', '.join(near or COMMANDS)}"
            )
        if name == "compress":
            compress(rest)
            return
    module = importlib.import_module(COMMANDS[name][0])  # imported only when it is asked for
    cli.run(module.main, rest, prog=f"ganc {name}")


def compress(argv: Sequence[str]) -> None:
    """Runs the recipe that is named first, with the flags behind it; without one lists them."""
    name, *flags = argv or ["--help"]
    if name in ("--help", "-h"):
        print(recipes.listing())
    else:
        recipes.start(name, flags, f"ganc compress {name}")


if __name__ == "__main__":
    main()
