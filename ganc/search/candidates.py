"""Pictures of many architectures at once: `vmap` over masks inside shape classes."""

from collections.abc import Callable, Iterator, Sequence

import jax

from ganc import channels
from ganc.search.classes import ShapeClasses
from ganc.types import Arch, Generator, Params

Generate = Callable[[Params, jax.Array, Sequence[Arch]], Iterator[tuple[Arch, jax.Array]]]


def make_generate(generator: Generator, classes: ShapeClasses, chunk: int) -> Generate:
    """`generate(params, x, archs)` yields each architecture with its pictures of `x` (n h w 3).

    Architectures come grouped by class, `chunk` of them in one call; each class is compiled once,
    however many architectures and calls there are. The masks alone are batched, so convolutions
    keep one kernel and candidates become part of the batch.
    """
    space = classes.space

    def forward(params, x, masks, shape):
        params = channels.slice_params(params, generator.axes, channels.prefix(shape))
        return jax.vmap(lambda m: generator.apply(params, x, widths=shape, masks=m).image)(masks)

    compiled = jax.jit(forward, static_argnames="shape")

    def generate(params: Params, x: jax.Array, archs: Sequence[Arch]):
        groups: dict[Arch, list[Arch]] = {}
        for arch in archs:
            groups.setdefault(classes.of(arch), []).append(arch)
        for shape_arch, members in groups.items():
            shape = space.widths(shape_arch)
            for start in range(0, len(members), chunk):
                part = members[start : start + chunk]
                padded = part + part[-1:] * (chunk - len(part))  # one shape, one compilation
                images = compiled(params, x, space.masks(padded, shape), shape=shape)
                yield from zip(part, images, strict=False)

    return generate


def make_evaluate(
    generate: Generate, params: Params, x: jax.Array, score: Callable[[jax.Array], float]
) -> Callable[[Sequence[Arch]], list[float]]:
    """Scores architectures by their pictures: `evaluate(archs) -> scores`, in the same order."""

    def evaluate(archs: Sequence[Arch]) -> list[float]:
        scores = {arch: score(images) for arch, images in generate(params, x, archs)}
        return [scores[arch] for arch in archs]

    return evaluate
