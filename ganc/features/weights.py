"""The weights of frozen networks, out of PyTorch files that the user names.

A network describes its file as a list of `Conv`; the same list checks the file and loads it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganc import torch_file
from ganc.errors import UserError
from ganc.types import Params

Shapes = dict[str, tuple[int, ...]]


class Conv(NamedTuple):
    """A convolution of a state dict.

    Attributes:
        name: its module; `name`.weight is (outputs inputs height width).
        inputs: channels in.
        outputs: channels out.
        size: height and width of the kernel.
        norm: the module of the batch norm behind it, which stands in for a bias; "" if there is
            none.
    """

    name: str
    inputs: int
    outputs: int
    size: tuple[int, int]
    norm: str = ""


def shapes(convs: Iterable[Conv]) -> Shapes:
    """Every tensor that `convs` need -> its shape, in PyTorch's order of axes."""
    found: Shapes = {}
    for conv in convs:
        found[f"{conv.name}.weight"] = (conv.outputs, conv.inputs, *conv.size)
        vectors = (
            [f"{conv.norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
            if conv.norm
            else [f"{conv.name}.bias"]
        )
        found |= dict.fromkeys(vectors, (conv.outputs,))
    return found


def read(path: str | Path, expected: Shapes, need: str) -> dict[str, np.ndarray]:
    """Reads the tensors `expected` of a state dict as float32; what else it holds is left out.

    Args:
        path: what `torch.save` wrote; names may begin with `module.`, as `DataParallel` writes.
        expected: name -> shape.
        need: what the file is for and where it comes from, the end of an error message.

    Raises:
        UserError: there is no such file, it is damaged, or a tensor is missing or of another shape.
    """
    try:
        tensors = torch_file.read(path)
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): {need}") from error
    except ValueError as error:
        raise UserError(f"{error}: {need}") from error
    tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    for name, shape in expected.items():
        found = f"has shape {tensors[name].shape}" if name in tensors else "is missing"
        if name not in tensors or tensors[name].shape != shape:
            raise UserError(f"in {path}, {name} {found}, expected shape {shape}: {need}")
        if not np.isfinite(tensors[name]).all():
            raise UserError(f"in {path}, {name} holds values that are not finite: {need}")
    return {name: tensors[name].astype(np.float32) for name in expected}


def fold(
    tensors: Mapping[str, np.ndarray], conv: str, norm: str, epsilon: float
) -> dict[str, jax.Array]:
    """The convolution `conv` with the batch norm `norm` behind it, as one with a bias.

    Returns: {"kernel" (kh kw i o), "bias" (o)}.
    """
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + epsilon)
    kernel = tensors[f"{conv}.weight"].transpose(2, 3, 1, 0) * scale
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    return {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}


def convolutions(
    tensors: Mapping[str, np.ndarray], convs: Iterable[Conv], epsilon: float = 1e-5
) -> Params:
    """Name -> {"kernel" (kh kw i o), "bias" (o)}, each batch norm folded into its convolution.

    Args:
        tensors: of `read`.
        convs: what to take.
        epsilon: what the batch norms add to a variance.
    """

    def plain(name: str) -> dict[str, jax.Array]:
        kernel = tensors[f"{name}.weight"].transpose(2, 3, 1, 0)
        return {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(tensors[f"{name}.bias"])}

    return {
        conv.name: fold(tensors, conv.name, conv.norm, epsilon) if conv.norm else plain(conv.name)
        for conv in convs
    }
