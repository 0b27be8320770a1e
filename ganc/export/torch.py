"""PyTorch checkpoints in and out: `python -m ganc.export.torch SOURCE --out OUT`.

A checkpoint becomes a model directory, a model directory becomes a checkpoint. Family, width and
depth are recognised from the names and shapes in the file. Nothing in a file is executed.
"""

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from ganc import cli, torch_file
from ganc.channels import read_widths
from ganc.errors import UserError
from ganc.export import layouts
from ganc.export.layouts import Layer
from ganc.export.module.file import write as write_module
from ganc.export.recognition import FAMILIES, NAMES, check_family, recognise, select
from ganc.models import store
from ganc.models.families import OWN, family_of, fold
from ganc.models.families import generator as generator_of
from ganc.models.flat import check_finite, expected_shapes, flatten, full_shapes, unflatten
from ganc.models.resnet import Spec as ResNetSpec
from ganc.types import Arch, Generator, Model, Params, Slot, Widths

# What PyTorch keeps beside a norm and what its evaluation does not need: counters, and the
# statistics of the instance norms of its oldest versions.
_IGNORED = ("num_batches_tracked", "running_mean", "running_var")

_NAMELESS = (
    "no PyTorch code has names for the parameters of a network of one's own; export it with ganc "
    "export onnx or ganc export stablehlo"
)


def load(path: str | Path, family: str | None = None, key: str | None = None) -> Model:
    """Reads a generator from a PyTorch checkpoint, at the least base width that contains it.

    Its architecture is the one that gives its widths, where there is one.

    Args:
        path: a file that `torch.save` wrote, of a state dict or of dicts of them.
        family: what it should be, a key of `FAMILIES`; None takes whatever is recognised.
        key: which of several state dicts in the file, such as "netG_A".

    Raises:
        UserError: if the file cannot be read, refers to anything but tensors, holds no generator
            that is known or another one than `family`, or if its names and shapes do not fit:
            with the first key that is wrong, its shape and the expected one.
    """
    if family is not None and family not in FAMILIES:
        raise UserError(f"there is no family {family!r}; valid are {', '.join(FAMILIES)}")
    arrays = select(read(path), key, path)
    spec, layers, arrays = recognise(arrays, path)
    if family == "slimming" and isinstance(spec, ResNetSpec) and spec.norm == "instance":
        spec = dataclasses.replace(spec, norm="slimming")
        arrays |= _neutral_norms(layers, generator_of(spec))
    check_family(spec, family, path)
    generator = generator_of(spec)
    params = unflatten(_check(arrays, layers, generator, path))
    widths = read_widths(params, generator.axes)
    return Model(generator, params, arch_of(generator.slots, widths))


def read(path: str | Path) -> dict[str, np.ndarray]:
    """All tensors of a checkpoint by their dotted names: by PyTorch if it is installed, else by us.

    Raises:
        UserError: there is no such file, it is damaged, or it refers to anything but tensors.
    """
    try:
        if (torch := _torch()) is None:
            return torch_file.read(path)
        data = Path(path).read_bytes()
        torch_file.check(data)
        loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return dict(_tensors(torch, loaded))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    # Over a damaged or a hostile file, PyTorch raises nearly anything, in many lines.
    except Exception as error:
        raise UserError(
            f"cannot read the PyTorch checkpoint {path}, of which only plain tensors are admitted "
            f"(a state_dict): {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    """The first line of what is wrong, without PyTorch's advice to trust the file after all."""
    lines = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
    return lines[0] if "weights_only" not in lines[0] else "it refers to other things than tensors"


def save(path: str | Path, generator: Generator, params: Params) -> None:
    """Writes parameters as a PyTorch state dict, under the names of the family's reference.

    Args:
        path: of the checkpoint; its parents are made.
        generator: whose parameters they are.
        params: at any widths.

    Raises:
        UserError: PyTorch is not installed, or the network is one's own.
        OSError: the file cannot be written.
    """
    if (family := family_of(generator.spec)) not in NAMES:
        raise UserError(_NAMELESS)
    torch = _torch()
    if torch is None:
        raise UserError("writing a PyTorch checkpoint needs PyTorch: pip install 'ganc[torch]'")
    layers = NAMES[family].layers(generator.spec)
    arrays = layouts.to_torch(flatten(params), layers)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    torch.save(
        {name: torch.from_numpy(np.array(a, order="C")) for name, a in arrays.items()}, partial
    )
    partial.replace(path)


def arch_of(slots: Sequence[Slot], widths: Widths) -> Arch | None:
    """The architecture that gives these widths, if there is one."""
    entries = []
    for slot in slots:
        found = {divmod(widths[group], times) for group, times in slot.groups.items()}
        if len(found) > 1 or (rest := found.pop())[1]:
            return None
        entries.append(rest[0])
    return tuple(entries)


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError:
        return None
    return torch


def _tensors(torch: Any, node: Any, name: str = ""):
    if isinstance(node, torch.Tensor):
        node = node.detach().cpu()
        yield name, (node.float() if node.dtype == torch.bfloat16 else node).numpy()
    elif isinstance(node, dict | list | tuple):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _tensors(torch, value, f"{name}.{key}" if name else str(key))


def _neutral_norms(layers: Sequence[Layer], generator: Generator) -> dict[str, np.ndarray]:
    flat = {
        name: np.full(shape, name.endswith("/scale"), np.float32)
        for name, shape in full_shapes(generator).items()
        if name.split("/")[-2].endswith("_norm")
    }
    return layouts.to_torch(flat, layers)


def _check(
    arrays: Mapping[str, np.ndarray],
    layers: Sequence[Layer],
    generator: Generator,
    path: str | Path,
) -> dict[str, np.ndarray]:
    """The parameters by their paths, once names, shapes and types are those of the generator."""
    full = full_shapes(generator)
    wanted = _shapes(full, layers)
    for name, shape in wanted.items():
        if name not in arrays:
            raise UserError(f"{path}: {name} is missing, expected with shape {shape} or narrower")
        if arrays[name].ndim != len(shape):
            raise _misfit(path, name, arrays[name], shape)
        if arrays[name].dtype.kind != "f":
            raise UserError(f"{path}: {name} is {arrays[name].dtype}, expected floating point")
    for name in arrays:
        if name not in wanted and not name.endswith(_IGNORED):
            raise UserError(
                f"{path}: {name}, of shape {arrays[name].shape}, is unexpected in {generator.spec}"
            )
    flat = layouts.from_torch({name: arrays[name] for name in wanted}, layers)
    found = {name: array.shape for name, array in flat.items()}
    _, shapes = expected_shapes(found, full, generator)
    for name in generator.statistics & flat.keys():
        # A sliced GauGAN of gan-compression keeps statistics of the full width.
        flat[name] = flat[name][tuple(map(slice, shapes[name]))]
    found = _shapes({name: array.shape for name, array in flat.items()}, layers)
    for name, shape in _shapes(shapes, layers).items():
        if found[name] != shape:
            raise _misfit(path, name, arrays[name], shape)
    with np.errstate(over="ignore"):  # it becomes infinite, and is refused as such
        arrays = {name: np.ascontiguousarray(a, np.float32) for name, a in flat.items()}
    for name, array in arrays.items():
        check_finite(f"{path}: {name}", array)
    return arrays


def _shapes(
    ours: Mapping[str, tuple[int, ...]], layers: Sequence[Layer]
) -> dict[str, tuple[int, ...]]:
    # Views of one number: a layout moves axes, whatever stands in them.
    views = {name: np.broadcast_to(np.float32(0), shape) for name, shape in ours.items()}
    return {name: view.shape for name, view in layouts.to_torch(views, layers).items()}


def _misfit(path: str | Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> UserError:
    return UserError(f"{path}: {name} has shape {array.shape}, expected {shape}")


def main(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")],
    out: Path,
    family: str | None = None,
    key: str | None = None,
    module: tyro.conf.FlagCreatePairsOff[bool] = False,
    own_style: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Turns a PyTorch checkpoint into a model directory, or a model directory into a checkpoint.

    Args:
        source: a checkpoint (a file), or a model directory.
        out: the model directory, or the checkpoint, to write.
        family: what the checkpoint should hold, such as resnet9; by default what it does hold.
        key: which of several networks in the checkpoint, such as netG_A.
        module: write a model directory as OUT, a Python file with the network, and its weights as
            .pth beside it, which need PyTorch alone.
        own_style: of a module: a picture keeps its own style, where the model has styles (MUNIT).
    """
    if module:
        if not source.is_dir():
            raise UserError(f"a module is made of a model directory, and {source} is none")
        if store.read_family(source) == OWN:
            raise UserError(_NAMELESS)
        print(write_module(fold(store.load(source)), out, own_style=own_style))
        return
    if source.is_dir():
        if store.read_family(source) == OWN:
            raise UserError(_NAMELESS)
        model = store.load(source)
        save(out, model.generator, model.params)
        print(f"{model.generator.spec} written to {out}")
        return
    model = load(source, family, key)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    about = {"source": source.name, "source_sha256": digest}
    store.save(out, model, about)
    spec = model.generator.spec
    print(f"{family_of(spec)} {spec} written to {out}")


if __name__ == "__main__":
    cli.run(main)
