"""What a network of one's own is recognised by."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ganc.discovery.groups import Discovery
from ganc.discovery.program import Operand, Program
from ganc.errors import UserError
from ganc.types import Generator


@dataclass(frozen=True)
class Own:
    """What a network of one's own is remembered by; it can't be built from this.

    Attributes:
        name: what its author calls it.
        fingerprint: of what it computes, in hexadecimal.
        jax: the version that traced it.
        shape: of the example that it was traced at.
    """

    name: str
    fingerprint: str
    jax: str
    shape: tuple[int, ...]


def recognise(generator: Generator | None, spec: Mapping[str, Any], where: str) -> Generator:
    """`generator`, if it is the one that `spec` was stored of.

    Raises:
        UserError: it is not, or there is none.
    """
    if generator is None:
        raise UserError(
            f"{where}: {spec.get('name')!r} is a network of one's own, which no file can build; "
            "say what defines it: --network MODULE:NAME, or store.load(directory, own=generator)"
        )
    found = generator.spec
    if not isinstance(found, Own) or found.fingerprint != spec.get("fingerprint"):
        raise UserError(
            f"{where} is of a network that computes something else than the given one, or that "
            f"another JAX traces in another way: it was traced by JAX {spec.get('jax')}, "
            f"this is {jax.__version__}"
        )
    return generator


def fingerprint(found: Discovery) -> str:
    """A hash of the names of the parameters, of the channel groups and of every step."""
    digest = hashlib.sha256()

    def read(operand: Operand) -> Any:
        return operand if isinstance(operand, int) else np.asarray(operand.val).tolist()

    def add(program: Program) -> None:
        for step in program.steps:
            operands = [read(operand) for operand in step.operands]
            kept = {key: repr(v) for key, v in step.params.items() if isinstance(v, _PLAIN)}
            shapes = [program.shapes[result].shape for result in step.results]
            digest.update(f"{step.name} {operands} {sorted(kept.items())} {shapes}\n".encode())
            if step.body is not None:
                add(step.body)
        digest.update(f"{[read(output) for output in program.outputs]}\n".encode())

    for value in found.program.constants.values():
        digest.update(np.ascontiguousarray(value).tobytes())
    for path, number in zip(found.parameters, found.program.inputs, strict=False):
        digest.update(f"{path} {found.groups[number]}\n".encode())
    add(found.program)
    return digest.hexdigest()


_PLAIN = int | float | str | tuple
"""Parameters of steps that are hashed: sizes, axes and names, not what prints an address."""
