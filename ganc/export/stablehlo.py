"""A stored model as a StableHLO file: `python -m ganc.export.stablehlo MODEL OUT`.

The file is what `jax.export` serialises: JAX runs it without this library, on a CPU, a GPU or a
TPU, and compilers of StableHLO read the module inside it.

    picture = jax.export.deserialize(bytearray(Path(OUT).read_bytes())).call(x)
"""

from pathlib import Path
from typing import Annotated

import jax
import tyro
from jax import export

from ganc import cli
from ganc.discovery.imported import Network, imported
from ganc.errors import UserError
from ganc.export.drawn import check_drawn
from ganc.export.new_file import check_new, write_new
from ganc.export.symbolic import picture_of, style_dim, symbolic_inputs
from ganc.models import store
from ganc.models.families import fold
from ganc.nn.operation import whole
from ganc.types import Model

PLATFORMS = ("cpu", "cuda", "tpu")


def serialise(
    model: Model, size: tuple[int, int] | None = None, *, own_style: bool = False
) -> bytes:
    """The content of the file, for any batch, and for any size but for `size`.

    See `symbolic_inputs` for networks of one's own.

    Raises:
        UserError: flatbuffers is not installed, or the generator takes no such size.
    """
    inputs = symbolic_inputs(model.generator, size, style_dim(model.generator, own_style))
    with whole():  # the plain forms of convolutions, which hold for every platform and size
        exported = export.export(jax.jit(picture_of(model)), platforms=PLATFORMS)(*inputs)
    try:
        return bytes(exported.serialize())
    except ImportError as error:
        message = "StableHLO files need flatbuffers: pip install 'ganc[export]'"
        raise UserError(message) from error


def check(data: bytes, model: Model, size: tuple[int, int] | None, own_style: bool) -> float:
    """The largest difference between the file's pictures and the model's, at one size.

    Raises:
        RunError: it is more than `ganc.export.drawn.CLOSE`.
    """
    generator, unit = model.generator, model.generator.divisor
    side = -(-max(64, generator.minimum) // unit) * unit
    draw = export.deserialize(bytearray(data)).call
    return check_drawn(draw, model, size or (side, side), own_style=own_style)


def main(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    size: tuple[int, int] | None = None,
    own_style: tyro.conf.FlagCreatePairsOff[bool] = False,
    network: Network = "",
) -> None:
    """Writes a stored model as StableHLO that JAX can run without this library.

    Args:
        model: the directory of a stored model.
        out: the file to write; it must not be there.
        size: height and width that the file is for; by default any.
        own_style: a picture keeps its own style, where the model has styles (MUNIT); by default the
            style is an input.
        network: what defines the model, where it is of a network of one's own.
    """
    check_new(out)
    loaded = fold(store.load(model, imported(network)))
    data = serialise(loaded, size, own_style=own_style)
    gap = check(data, loaded, size, own_style)
    write_new(out, data)
    print(f"{out}: {len(data):,} bytes for {', '.join(PLATFORMS)}; differs by {gap:.1e} at most")


if __name__ == "__main__":
    cli.run(main)
