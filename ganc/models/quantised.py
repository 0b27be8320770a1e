"""A generator that computes with eight bits: kernels and the inputs of convolutions are rounded.

It is a `Generator` like the one it is made of, with a clip beside the kernel of every layer whose
range is its own; sliced, trained, stored and applied as any other. Biases, norms, sums and the
skips between blocks stay as they are.

Reference: Wang et al. 2020 (arXiv 2008.11062), whose rounding is the scheme `paper`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ganc.models.kernels import each_input, kernels_of
from ganc.nn import fake_quant
from ganc.types import Axes, Generator, Params

Scheme = Literal["paper", "deployable"]
"""`paper`: inputs clipped to [0, 4] in 257 codes, which no byte holds, even where they are signed,
and one scale for a kernel, as published. `deployable`: 256 codes, 255 where signed, with a clip for
each layer, and a scale for each output channel of a kernel: what integer arithmetic can compute."""

CLIP = 4.0
"""Of every input in the scheme `paper`."""

_KERNEL, _CLIP = "kernel", "clip"


@dataclass(frozen=True)
class Quantisation:
    """How a generator is rounded.

    Attributes:
        scheme: of the codes.
        signed: paths of the layers whose inputs have negative codes too, in `deployable`.
    """

    scheme: Scheme = "deployable"
    signed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "signed", tuple(self.signed))  # JSON has lists
        if self.scheme not in ("paper", "deployable"):
            raise ValueError(f"scheme must be paper or deployable, got {self.scheme!r}")

    @property
    def per_channel(self) -> bool:
        """Whether every output channel of a kernel has a scale of its own."""
        return self.scheme == "deployable"

    def inputs(self, path: str, x: jax.Array, clips: Mapping[str, Any]) -> jax.Array:
        """What the layer at `path` takes for its input `x`."""
        if self.scheme == "paper":
            return fake_quant.activations(x, CLIP, 256)
        signed = path in self.signed
        return fake_quant.activations(x, clips[path], 127 if signed else 255, signed=signed)


class Range(NamedTuple):
    """What a layer is given: the least value, and that which almost all stay below in size."""

    least: float
    clip: float


def is_kernel(path: str) -> bool:
    """Whether the parameter at `path` is one that is stored as codes."""
    return path.rpartition("/")[2] == _KERNEL


def is_clip(path: str) -> bool:
    """Whether the parameter at `path` is where a layer's input is clipped."""
    return path.rpartition("/")[2] == _CLIP


def quantised(generator: Generator, how: Quantisation) -> Generator:
    """`generator` with rounded kernels and rounded inputs of all layers but those of a picture.

    With clips of its own (`deployable`), its parameters are those of `generator` and a scalar
    `clip` beside each kernel; its `init` sets them to 4. `with_ranges` measures them.
    """
    layers = [kernel.path for kernel in kernels_of(generator) if kernel.source is not None]
    clipped = layers if how.scheme == "deployable" else []

    def init(key: jax.Array, *args: Any, **kwargs: Any) -> Params:
        return _add(generator.init(key, *args, **kwargs), dict.fromkeys(clipped, jnp.float32(CLIP)))

    def apply(params: Params, x: jax.Array, **options: Any):
        plain, clips = split(params)

        def see(layer: Any, x: jax.Array) -> jax.Array:
            return x if layer.groups[0] is None else how.inputs("/".join(layer.path), x, clips)

        with each_input(see):
            return generator.apply(_rounded(plain, how), x, **options)

    axes: Axes = _add(generator.axes, dict.fromkeys(clipped, ()))
    return dataclasses.replace(generator, init=init, apply=apply, axes=axes, quantisation=how)


def ranges(
    generator: Generator, params: Params, pictures: Iterable[jax.Array], quantile: float = 0.999
) -> dict[str, Range]:
    """What every layer of a plain `generator` is given for batches of `pictures` (b h w c).

    `clip` is the largest over the batches of the `quantile` of the sizes in each.
    """

    def measure(params: Params, x: jax.Array):
        found: dict[str, tuple[jax.Array, jax.Array]] = {}

        def see(layer: Any, x: jax.Array) -> jax.Array:
            found["/".join(layer.path)] = x.min(), jnp.quantile(jnp.abs(x), quantile)
            return x

        with each_input(see):
            generator.apply(params, x)
        return found

    compiled, each = jax.jit(measure), []
    for batch in pictures:
        each.append(jax.device_get(compiled(params, batch)))
    return {
        path: Range(
            float(min(one[path][0] for one in each)),
            max(float(max(one[path][1] for one in each)), 1e-3),
        )
        for path in each[0]
    }


def with_ranges(
    generator: Generator, params: Params, found: Mapping[str, Range]
) -> tuple[Generator, Params]:
    """A plain generator and its parameters in the scheme `deployable`, with the ranges of `ranges`.

    A layer that was given a negative number has signed codes: the skips between residual blocks,
    for one, whose negative half the published scheme throws away.
    """
    signed = tuple(sorted(path for path, one in found.items() if one.least < 0))
    made = quantised(generator, Quantisation("deployable", signed))
    paths = [kernel.path for kernel in kernels_of(generator) if kernel.source is not None]
    return made, _add(params, {path: jnp.float32(found[path].clip) for path in paths})


def split(params: Params) -> tuple[Params, dict[str, Any]]:
    """Parameters without clips, and the clips by the path of their layer."""
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    clips = {path.rpartition("/")[0]: flat.pop(path) for path in list(flat) if is_clip(path)}
    return unflatten_dict(flat, sep="/"), clips


def bake(params: Params, how: Quantisation) -> Params:
    """`params` with the kernels that their codes stand for, as they are stored and read again."""
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    for path in filter(is_kernel, flat):
        codes, scale = fake_quant.encode(np.asarray(flat[path]), per_channel=how.per_channel)
        flat[path] = jnp.asarray(fake_quant.decode(codes, scale))
    return unflatten_dict(flat, sep="/")


def _rounded(params: Params, how: Quantisation) -> Params:
    flat: dict[str, Any] = flatten_dict(params, sep="/")
    for path in filter(is_kernel, flat):
        flat[path] = fake_quant.weights(flat[path], per_channel=how.per_channel)
    return unflatten_dict(flat, sep="/")


def _add(tree: Any, clips: Mapping[str, Any]) -> Any:
    flat: dict[str, Any] = flatten_dict(tree, sep="/")
    return unflatten_dict(flat | {f"{path}/{_CLIP}": clip for path, clip in clips.items()}, sep="/")
