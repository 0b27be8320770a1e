"""An exported file is run in ONNX Runtime, and its pictures are compared with those of JAX."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ganc.data.pictures import show_size, to_float, to_uint8
from ganc.errors import RunError
from ganc.export.onnx.file import library
from ganc.export.onnx.network import PICTURE, Network
from ganc.models.render import render
from ganc.types import Generator, Model

LEVELS = 1
"""How many of 255 levels the pictures may differ by: a value at the edge between two may fall to
either side."""

_SIDE = 64


@dataclass(frozen=True)
class Example:
    """Pictures of one size, or label maps, as people have them.

    Attributes:
        given: uint8 (b h w c): pictures, or one channel per class.
        style: float32 (b style_dim); None where none is given.
    """

    given: np.ndarray
    style: np.ndarray | None


def session(proto: bytes, threads: int = 0) -> Any:
    """A file's content, ready to be run on the CPU, by so many threads; 0 leaves that open.

    Raises:
        UserError: ONNX Runtime is not installed.
    """
    runtime = library("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    return runtime.InferenceSession(proto, options, providers=["CPUExecutionProvider"])


def examples(
    network: Network, generator: Generator, size: tuple[int, int] | None
) -> Iterator[Example]:
    """Random pictures of three sizes, or of `size` alone; the same in every run."""
    unit = generator.divisor
    side = -(-max(_SIDE, generator.minimum) // unit) * unit
    sizes = [(side, side), (side, side + unit), (side + unit, side)] if size is None else [size]
    if size is None and network.inputs[0].dtype == "uint8":  # those that the graph fills up
        sizes[1:] = [(side - unit // 2, side + 1), (side + 3, side)]
    for index, (height, width) in enumerate(sizes):
        rng, count = np.random.default_rng(index), 1 + index % 2
        blocks = (count, height // 8 + 1, width // 8 + 1)
        if network.inputs[0].name == PICTURE:
            given = rng.integers(0, 256, (*blocks, 3), np.uint8)
        else:
            classes = rng.integers(0, generator.channels_in, blocks)
            given = np.eye(generator.channels_in, dtype=np.uint8)[classes]
        given = given.repeat(8, 1).repeat(8, 2)[:, :height, :width]
        yield Example(given, random_style(network, index, count))


def random_style(network: Network, seed: int, count: int) -> np.ndarray | None:
    """Styles for so many pictures; None where the network is given none."""
    for port in network.inputs[1:]:
        size = int(port.shape[1])
        return np.random.default_rng(seed).standard_normal((count, size), np.float32)
    return None


def feed(network: Network, example: Example) -> dict[str, np.ndarray]:
    """An example as the file takes it, by the names of its ports."""
    port, given = network.inputs[0], example.given
    if port.dtype == "float32":
        given = np.ascontiguousarray(_floats(port.name, given).transpose(0, 3, 1, 2))
    styles = (
        {} if example.style is None else {port.name: example.style for port in network.inputs[1:]}
    )
    return {port.name: given, **styles}


def run(session: Any, network: Network, example: Example) -> np.ndarray:
    """The file's picture of an example, uint8 (b h w 3)."""
    (result,) = session.run(None, feed(network, example))
    return result if result.dtype == np.uint8 else to_uint8(result.transpose(0, 2, 3, 1))


def expected(model: Model, network: Network, example: Example) -> np.ndarray:
    """What JAX makes of an example, uint8 (b h w 3); mirrored to a size that can be, and cut."""
    unit, minimum = model.generator.divisor, model.generator.minimum
    height, width = example.given.shape[1:3]
    more = [(0, -(-max(n, minimum) // unit) * unit - n) for n in (height, width)]
    x = np.pad(example.given, ((0, 0), *more, (0, 0)), mode="reflect")
    inputs = {} if example.style is None else {"style": example.style}
    with jax.default_matmul_precision("float32"):  # accelerators take less by default
        made = render(model, _floats(network.inputs[0].name, x), inputs=inputs)
    return to_uint8(made[:, :height, :width])


def _floats(name: str, given: np.ndarray) -> np.ndarray:
    return to_float(given) if name == PICTURE else given.astype(np.float32)


def check(
    proto: bytes,
    network: Network,
    model: Model,
    size: tuple[int, int] | None,
    *,
    strict: bool = True,
) -> str:
    """Compares a file's content with its model on pictures of three sizes.

    Args:
        proto: the file's content.
        network: whose it is.
        model: whose that is.
        size: the one that the file is for; None for any.
        strict: whether the pictures must be equal to `LEVELS`.

    Returns: what was found, in one line.

    Raises:
        UserError: ONNX Runtime is not installed.
        RunError: the pictures differ by more.
    """
    ready, gaps, sizes = session(proto), [], []
    for example in examples(network, model.generator, size):
        a, b = run(ready, network, example), expected(model, network, example)
        gaps.append(np.abs(a.astype(int) - b))
        sizes.append(show_size(example.given.shape[1:]))
    return _verdict(gaps, sizes, strict)


def _verdict(gaps: Sequence[np.ndarray], sizes: Sequence[str], strict: bool) -> str:
    most = max(int(gap.max()) for gap in gaps)
    mean = float(np.mean([gap.mean() for gap in gaps]))
    version = library("onnxruntime").__version__
    found = (
        f"ONNX Runtime {version} and JAX differ by at most {most} of 255 levels, {mean:.2g} in the "
        f"mean, on pictures of {', '.join(sizes)} px"
    )
    if strict and most > LEVELS:
        raise RunError(f"{found}; at most {LEVELS} is expected, and nothing was written")
    return found
