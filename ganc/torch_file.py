"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without running what is in it.

A checkpoint is a pickle, and a pickle is a program: it names functions and calls them. Here the
only names it may use are those of an ordered dict, a tensor and a storage, each of which stands
for a passive record; every other name is refused before it is looked up. What it would build is
looked at before that (`ganc/pickle_scan.py`), and what it says of sizes before anything is read.
"""

import io
import math
import sys
import pickle
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ganc import pickle_scan
from ganc.errors import one_line

_AXES = 64
_VIEWS, _FEW = 4, 2**24
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

# Storage names stay plain strings in the unpickler: a string cannot be called or altered.
_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


class _Storage(NamedTuple):
    """`length` elements from `start` of the buffer `key`, which holds `total` of them."""

    dtype: np.dtype
    key: str
    total: int
    start: int
    length: int


# `__setstate__` on the two classes below is what a pickle's BUILD instruction calls. Without it,
# BUILD writes attributes, on the class itself if the pickle so wishes.
class _Tensor:
    """The arguments of `torch._utils._rebuild_tensor_v2`, kept until the buffers are known."""

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *ignored: Any):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a tensor with a state of its own")

    def check(self) -> int:
        """Its bytes, once offset, size and stride are found to stay within its storage."""
        storage, offset, size, stride = self.storage, self.offset, self.size, self.stride
        if not all(isinstance(axes, list | tuple) and len(axes) <= _AXES for axes in (size, stride)):
            raise ValueError(f"a tensor without a size and a stride of at most {_AXES} axes")
        numbers = (offset, *size, *stride)
        if not all(isinstance(n, int) and 0 <= n <= sys.maxsize for n in numbers) or len(
            size
        ) != len(stride):
            raise ValueError(f"a tensor with offset {offset}, size {size}, stride {stride}")
        if not isinstance(storage, _Storage):
            raise ValueError("a tensor without a storage")
        count = math.prod(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        # The second condition refuses what a stride of 0 can do: terabytes out of one element.
        if count and (last >= storage.length or count > storage.length):
            raise ValueError(
                f"a tensor of size {size}, stride {stride} and offset {offset} "
                f"does not fit its storage of {storage.length} elements"
            )
        return count * storage.dtype.itemsize

    def array(self, buffer: bytes | memoryview) -> np.ndarray:
        """A contiguous copy of the elements that this tensor, once checked, views in `buffer`."""
        storage, offset, size, stride = self.storage, self.offset, self.size, self.stride
        count = math.prod(size)
        flat = np.frombuffer(buffer, storage.dtype, storage.total)
        flat = flat[storage.start : storage.start + storage.length]
        strides = [step * storage.dtype.itemsize for step in stride]
        view = np.lib.stride_tricks.as_strided(flat[offset if count else 0 :], size, strides)
        return np.array(view, order="C")


class _Dict(dict):
    """Stands for `collections.OrderedDict`; its state is a module's version numbers."""

    def __setstate__(self, state: Any) -> None:
        pass


def _parameter(tensor: Any, *ignored: Any) -> Any:
    """Stands for `torch._utils._rebuild_parameter`: a parameter is its tensor."""
    return tensor


class _Inert:
    """Stands for whatever is not admitted, where another reader will decide about it."""

    def __new__(cls, *ignored: Any, **more: Any) -> "_Inert":
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """What a pickle does with lists."""

    def extend(self, items: Any) -> None:
        """The same."""

    def add(self, item: Any) -> None:
        """What a pickle does with sets."""


_ADMITTED = {
    ("collections", "OrderedDict"): _Dict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_tensor"): _Tensor,  # before PyTorch 0.4; the same first arguments
    ("torch._utils", "_rebuild_parameter"): _parameter,
} | {("torch", name): name for name in _DTYPES}


class _Unpickler(pickle.Unpickler):
    """Admits `_ADMITTED` and nothing else; `storages` collects those that the tensors name."""

    def __init__(self, file: io.BytesIO, strict: bool):
        super().__init__(file)
        self.file, self.strict = file, strict
        self.storages: dict[str, _Storage] = {}

    def load(self) -> Any:
        """Reads one pickle, which starts at the position of the file."""
        start = self.file.tell()
        pickle_scan.scan(self.file)
        self.file.seek(start)
        return super().load()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Resolves a name that the pickle uses."""
        admitted = _ADMITTED.get((module_name, global_name))
        if admitted is None and not self.strict:
            return _Inert
        if admitted is None:
            raise ValueError(
                f"it refers to {module_name}.{global_name}, and only plain tensors are admitted; "
                "save the model's state_dict() instead"
            )
        return admitted

    def persistent_load(self, pid: Any, /) -> _Storage:
        """Resolves ("storage", type, key, location, elements[, (view key, start, length)])."""
        tag, name, key, _, total, *view = pid
        start, length = view[0][1:] if view and view[0] is not None else (0, total)
        if tag != "storage" or not isinstance(key, str):
            raise ValueError(f"an unknown external object {pid!r}")
        if not all(isinstance(n, int) and n >= 0 for n in (total, start, length)):
            raise ValueError(f"a storage with {total} elements, {length} of them from {start}")
        if start + length > total:
            raise ValueError(f"a view of {length} elements from {start} of a storage of {total}")
        storage = _Storage(_DTYPES[name], key, total, start, length)
        first = self.storages.setdefault(key, storage)
        if (first.dtype, first.total) != (storage.dtype, storage.total):
            raise ValueError(f"storage {key} is declared twice, differently")
        return storage


_Buffers = Callable[[str], bytes | memoryview]


def _open_legacy(data: bytes, strict: bool) -> tuple[Any, _Buffers]:
    # Five pickles (magic number, protocol, system, object, storage keys), then the storages in the
    # order of the keys, each after its number of elements as an int64.
    file = io.BytesIO(data)

    def load() -> Any:
        return _Unpickler(file, strict).load()

    if load() != _LEGACY_MAGIC or load() != _LEGACY_PROTOCOL:
        raise ValueError("it is neither a zip file nor begins with PyTorch's magic number")
    if not load()["little_endian"]:
        raise ValueError("it was written on a big-endian machine")
    unpickler = _Unpickler(file, strict)
    tree = unpickler.load()
    buffers = {}
    keys = load()
    position = file.tell()
    for key in keys:
        storage = unpickler.storages[key]
        elements = int.from_bytes(data[position : position + 8], "little")
        end = position + 8 + storage.total * storage.dtype.itemsize
        if elements != storage.total or end > len(data):
            raise ValueError(f"storage {key} is shorter than the {storage.total} elements it needs")
        buffers[key] = memoryview(data)[position + 8 : end]
        position = end
    return tree, buffers.__getitem__


def _open_zip(data: bytes, strict: bool) -> tuple[Any, _Buffers]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    roots = [n.removesuffix("data.pkl") for n in archive.namelist() if n.endswith("/data.pkl")]
    if len(roots) != 1:
        raise ValueError("it is a zip file without exactly one data.pkl")
    (root,) = roots

    # PyTorch stores without compression, so what a member claims to hold is in the file.
    for info in archive.infolist():
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"its member {info.filename} is compressed")
        if info.file_size > len(data):
            raise ValueError(f"its member {info.filename} claims {info.file_size:,} bytes")

    @cache  # many tensors may view one storage
    def member(name: str) -> bytes:
        return archive.read(root + name)

    if f"{root}byteorder" in archive.namelist() and member("byteorder").strip() != b"little":
        raise ValueError("it was written on a big-endian machine")
    tree = _Unpickler(io.BytesIO(member("data.pkl")), strict).load()
    return tree, lambda key: member(f"data/{key}")


def _tensors(node: Any, name: str = "") -> Iterator[tuple[str, _Tensor]]:
    if isinstance(node, _Tensor):
        yield name, node
    elif isinstance(node, dict | list | tuple) and not isinstance(node, _Storage):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            yield from _tensors(value, f"{name}.{key}" if name else str(key))


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Reads every tensor of the checkpoint at `path`, zip (PyTorch 1.6 on) or legacy.

    Args:
        path: a file that `torch.save` wrote: a state dict, or dicts and lists of them.

    Returns:
        Name -> contiguous array, in the file's order and element type. Nested names are joined
        with dots, so `{"generator": state_dict, "epoch": 3}` gives `generator.…` names; what is
        not a tensor is left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or refers to anything but tensors. Nothing in it was run.
    """
    data = Path(path).read_bytes()
    try:
        found, buffers = _open(data, strict=True)
        return {name: tensor.array(buffers(tensor.storage.key)) for name, tensor in found.items()}
    # A damaged pickle or zip file can raise nearly any exception; to a caller it is one case.
    except Exception as error:
        raise ValueError(
            one_line(f"cannot read the PyTorch checkpoint {path}: {error}")
        ) from error


def check(data: bytes) -> None:
    """Refuses a checkpoint that PyTorch's own reader should not be given.

    It may hold other things than tensors, which are that reader's to judge; but its instructions,
    sizes and tensors are held to what `read` holds them to.

    Raises:
        ValueError: naming what is wrong with it.
    """
    try:
        _open(data, strict=False)
    except Exception as error:  # as in `read`
        raise ValueError(str(error) or type(error).__name__) from error


def _open(data: bytes, strict: bool) -> tuple[dict[str, _Tensor], _Buffers]:
    reader = _open_zip if data.startswith(b"PK\x03\x04") else _open_legacy
    tree, buffers = reader(data, strict)
    found: dict[str, _Tensor] = {}
    total = 0
    for name, tensor in _tensors(tree):
        if name in found:
            raise ValueError(f"two tensors are named {name}")
        found[name], total = tensor, total + tensor.check()
        # Weights may be shared; 200 names of one storage are an attack on the memory.
        if total > _VIEWS * len(data) + _FEW:
            raise ValueError(f"its tensors amount to more than {_VIEWS} times the file")
    return found, buffers
