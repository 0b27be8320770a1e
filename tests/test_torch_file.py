"""Checkpoints are written here by hand, instruction by instruction: PyTorch is not needed."""

import io
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest

from ganc import torch_file

MAGIC = 0x1950A86A20F9469CFC6C
NAMES = {
    "f4": "FloatStorage",
    "f8": "DoubleStorage",
    "f2": "HalfStorage",
    "i8": "LongStorage",
    "u1": "ByteStorage",
    "b1": "BoolStorage",
}


class Global:
    """Pickles as the bare name `module.name`."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickles as a call of `function`, then, if there is one, BUILD with `state`."""

    def __init__(self, function, *arguments, state=None):
        self.function, self.arguments, self.state = function, arguments, state


class Pid(tuple):
    """Pickles as a persistent id."""


class Writer(pickle._Pickler):  # the Python pickler: the C one checks that names exist
    def persistent_id(self, obj):
        return tuple(obj) if isinstance(obj, Pid) else None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
            if obj.state is not None:
                self.save(obj.state)
                self.write(pickle.BUILD)
        else:
            super().save(obj, save_persistent_id)


def dumps(obj):
    file = io.BytesIO()
    Writer(file, protocol=2).dump(obj)
    return file.getvalue()


REBUILD = Global("torch._utils", "_rebuild_tensor_v2")
HOOKS = Call(Global("collections", "OrderedDict"))


def tensor(key, buffer, size, stride, offset=0, view=None, legacy=True):
    kind = Global("torch", NAMES[buffer.dtype.str[1:]])
    pid = ("storage", kind, key, "cpu", buffer.size, *([view] if legacy else []))
    return Call(REBUILD, Pid(pid), offset, size, stride, False, HOOKS)


def legacy_bytes(tree, buffers):
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"long": 4}}
    head = b"".join(dumps(part) for part in (MAGIC, 1001, system, tree, list(buffers)))
    return head + b"".join(struct.pack("<q", b.size) + b.tobytes() for b in buffers.values())


def zip_bytes(tree, buffers, compression=zipfile.ZIP_STORED, byteorder=b"little"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", dumps(tree))
        archive.writestr("archive/byteorder", byteorder)
        for key, buffer in buffers.items():
            archive.writestr(f"archive/data/{key}", buffer.tobytes())
    return file.getvalue()


WRITERS = {"legacy": legacy_bytes, "zip": zip_bytes}


@pytest.fixture(params=list(WRITERS))
def form(request):
    return request.param


@pytest.fixture
def save(tmp_path, form):
    def write(tree, buffers=None):
        path = tmp_path / "checkpoint.pth"
        path.write_bytes(WRITERS[form](tree, buffers or {}))
        return path

    return write


@pytest.mark.parametrize("dtype", list(NAMES))
def test_element_types(save, form, dtype):
    buffer = np.arange(6).astype(dtype)
    tree = {"x": tensor("0", buffer, (2, 3), (3, 1), legacy=form == "legacy")}
    array = torch_file.read(save(tree, {"0": buffer}))["x"]
    assert array.dtype == buffer.dtype
    np.testing.assert_array_equal(array, buffer.reshape(2, 3))


def test_bfloat16(save, form):
    buffer = np.array([0x3F80, 0xC040], "<u2")  # 1 and -3
    pid = ("storage", Global("torch", "BFloat16Storage"), "0", "cpu", 2)
    pid += (None,) if form == "legacy" else ()
    tree = {"x": Call(REBUILD, Pid(pid), 0, (2,), (1,), False, HOOKS)}
    array = torch_file.read(save(tree, {"0": buffer}))["x"]
    assert array.dtype.name == "bfloat16" and array.astype(np.float32).tolist() == [1, -3]


def test_strides_offsets_scalars_and_shared_storages(save, form):
    buffer = np.arange(24, dtype=np.float32)
    options = {"legacy": form == "legacy"}
    tree = {
        "transposed": tensor("7", buffer, (6, 4), (1, 6), **options),
        "window": tensor("7", buffer, (2, 3), (6, 1), offset=8, **options),
        "scalar": tensor("7", buffer, (), (), offset=23, **options),
        "empty": tensor("7", buffer, (0, 3), (3, 1), **options),
    }
    arrays = torch_file.read(save(tree, {"7": buffer}))
    grid = buffer.reshape(4, 6)
    np.testing.assert_array_equal(arrays["transposed"], grid.T)
    np.testing.assert_array_equal(arrays["window"], grid[1:3, 2:5])
    assert arrays["scalar"].shape == () and arrays["scalar"] == 23
    assert arrays["empty"].shape == (0, 3)
    assert all(array.flags.c_contiguous and array.flags.writeable for array in arrays.values())


def test_legacy_storage_view(tmp_path):
    buffer = np.arange(10, dtype=np.float32)
    path = tmp_path / "view.pth"
    tree = {"x": tensor("0", buffer, (2,), (1,), offset=1, view=("1", 4, 3))}
    path.write_bytes(legacy_bytes(tree, {"0": buffer}))
    assert torch_file.read(path)["x"].tolist() == [5, 6]
    tree = {"x": tensor("0", buffer, (2,), (1,), offset=2, view=("1", 4, 3))}
    path.write_bytes(legacy_bytes(tree, {"0": buffer}))
    with pytest.raises(ValueError, match="does not fit"):
        torch_file.read(path)


def test_nested_dicts_are_flattened_and_metadata_left_out(save, form):
    buffer = np.ones(2, np.float32)
    weight = tensor("0", buffer, (2,), (1,), legacy=form == "legacy")
    module = Call(
        Global("collections", "OrderedDict"),
        [("conv.weight", weight)],
        state={"_metadata": {"": {"version": 1}}},
    )
    tree = {"generator": module, "epoch": 3, "rates": [0.1, weight], "name": "x"}
    assert list(torch_file.read(save(tree, {"0": buffer}))) == ["generator.conv.weight", "rates.1"]


HOSTILE = {
    "posix.system": Call(Global("posix", "system"), "touch {}"),
    "builtins.eval": Call(Global("builtins", "eval"), "open('{}', 'w')"),
    "builtins.getattr": Call(Global("builtins", "getattr"), "x", "join"),
    "torch.load": Global("torch", "load"),
    "torch._utils._import_dotted_name": Call(Global("torch._utils", "_import_dotted_name"), "os"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_every_other_global_is_refused_unexecuted(save, tmp_path, name):
    trace = tmp_path / "executed"
    call = HOSTILE[name]
    if isinstance(call, Call):
        call = Call(call.function, *(str(a).format(trace) for a in call.arguments))
    with pytest.raises(ValueError, match=rf"checkpoint\.pth: it refers to {re.escape(name)},"):
        torch_file.read(save({"x": call}))
    assert not trace.exists()


def test_a_reduce_made_by_pickle_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return print, ("executed",)

    path = tmp_path / "bomb.pth"
    for protocol in range(6):
        path.write_bytes(pickle.dumps(Bomb(), protocol))
        with pytest.raises(ValueError, match=r"bomb\.pth: it refers to \w+\.print"):
            torch_file.read(path)


@pytest.mark.parametrize(
    "name", ["torch._utils _rebuild_tensor_v2", "collections OrderedDict", "torch FloatStorage"]
)
@pytest.mark.parametrize("state", [{"read": 1}, (None, {"read": 1}), (None, {"__init__": 1})])
def test_admitted_names_cannot_be_altered(tmp_path, name, state):
    # BUILD would set attributes on whatever the name stands for.
    tree = dumps(Global(*name.split()))[:-1] + dumps(state)[2:-1] + pickle.BUILD + pickle.STOP
    path = tmp_path / "altered.pth"
    head = b"".join(dumps(part) for part in (MAGIC, 1001, {"little_endian": True}))
    path.write_bytes(head + tree + dumps([]))
    kinds = (torch_file._Tensor, torch_file._Dict)
    before = [dict(vars(kind)) for kind in kinds]
    with pytest.raises(ValueError, match=r"altered\.pth"):
        torch_file.read(path)
    assert [dict(vars(kind)) for kind in kinds] == before


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((7,), (1,), 0),
        ((2, 3), (4, 1), 0),
        ((6,), (1,), 1),
        ((1 << 40,), (0,), 0),
        ((3,), (-1,), 2),
        ((-1,), (1,), 0),
        ((2,), (1,), -1),
        ((2, 3), (1,), 0),
        ((2.5,), (1,), 0),
    ],
)
def test_tensors_outside_their_storage_are_refused(save, form, size, stride, offset):
    buffer = np.zeros(6, np.float32)
    tree = {"x": tensor("0", buffer, size, stride, offset, legacy=form == "legacy")}
    with pytest.raises(ValueError, match=r"checkpoint\.pth"):
        torch_file.read(save(tree, {"0": buffer}))


def test_a_storage_longer_than_the_file_is_refused(save, form):
    declared, stored = np.zeros(1000, np.float32), np.zeros(10, np.float32)
    tree = {"x": tensor("0", declared, (1000,), (1,), legacy=form == "legacy")}
    with pytest.raises(ValueError, match=r"checkpoint\.pth"):
        torch_file.read(save(tree, {"0": stored}))


def test_truncated_files_are_refused(save, form):
    buffer = np.arange(50, dtype=np.float32)
    tree = {"x": tensor("0", buffer, (50,), (1,), legacy=form == "legacy")}
    path = save(tree, {"0": buffer})
    whole = path.read_bytes()
    assert torch_file.read(path)["x"].sum() == buffer.sum()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"checkpoint\.pth"):
            torch_file.read(path)


def test_corrupt_files_never_raise_anything_else(save, form):
    buffer = np.arange(5, dtype=np.float32)
    tree = {"x": tensor("0", buffer, (5,), (1,), legacy=form == "legacy")}
    path = save(tree, {"0": buffer})
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            torch_file.read(path)
        except ValueError as error:
            assert "checkpoint.pth" in str(error)


def test_a_huge_memo_is_refused(tmp_path):
    path = tmp_path / "memo.pth"
    path.write_bytes(b"\x80\x02Nr\xff\xff\xff\x7f.")  # LONG_BINPUT 2147483647
    with pytest.raises(ValueError, match="memo"):
        torch_file.read(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "foreign.bin"
    for content in (b"", b"hello", pickle.dumps({"a": 1}), pickle.dumps(MAGIC), b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"foreign\.bin"):
            torch_file.read(path)
    with pytest.raises(FileNotFoundError):
        torch_file.read(tmp_path / "absent.pth")


def test_zip_files_that_pytorch_would_not_write_are_refused(tmp_path):
    path = tmp_path / "strange.pth"
    path.write_bytes(zip_bytes({}, {}, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match="compressed"):
        torch_file.read(path)
    path.write_bytes(zip_bytes({}, {}, byteorder=b"big"))
    with pytest.raises(ValueError, match="big-endian"):
        torch_file.read(path)


def legacy_head(*pickles):
    parts = (MAGIC, 1001, {"little_endian": True})
    return b"".join(dumps(part) for part in parts) + b"".join(pickles)


DEEP = b"\x80\x02)" + pickle.TUPLE1 * 200_000  # ending the process once it is hashed
LAUGHS = b"\x80\x02)" + b"".join(
    pickle.BINPUT + bytes([i]) + pickle.BINGET + bytes([i]) + pickle.TUPLE2 for i in range(60)
)
# A list in a list in a list, each filled after it was put into the one before.
INSIDE_OUT = b"\x80\x02]q\x00" + b"".join(
    b"]q" + bytes([i]) + b"a0h" + bytes([i]) for i in range(1, 120)
)
EXPENSIVE = {
    "deep key": b"\x80\x02}" + DEEP[2:] + b"Ns.",
    "deep item of a set": b"\x80\x04(" + DEEP[2:] + pickle.FROZENSET + b".",
    "deep value": DEEP + b".",
    "deep type": b"\x80\x02(X\x07\x00\x00\x00storage" + DEEP[2:] + b"tQ.",
    "shared key": b"\x80\x02}" + LAUGHS[2:] + b"Ns.",
    "shared value": LAUGHS + b".",
    "filled from outside": INSIDE_OUT + b".",
    "long key": dumps({"k" * 5_000_000: 1}),
    "long tuple": dumps(tuple(range(20_000))),
    "long number": dumps(1 << 200_000),
    "no mark": b"\x80\x02}Nu.",
    "mark for a value": b"\x80\x02(\x85.",
    "nothing to forget": b"\x80\x020.",
    "unknown slot": b"\x80\x02h\x07.",
}
REASONS = "nested|amounts|text of|tuple of|number of|mark|changes|pop|7"


@pytest.mark.parametrize("name", EXPENSIVE)
def test_what_would_end_the_process_is_refused_unread(tmp_path, name):
    path, file = tmp_path / "expensive.pth", io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", EXPENSIVE[name])
    for content in (legacy_head(EXPENSIVE[name], dumps([])), file.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=REASONS) as error:
            torch_file.read(path)
        assert str(error.value).isprintable() and len(str(error.value)) < 1001
        with pytest.raises(ValueError, match=REASONS):
            torch_file.check(content)


def test_one_storage_under_many_names_is_refused(save, form, monkeypatch):
    monkeypatch.setattr(torch_file, "_FEW", 0)
    buffer = np.zeros(1000, np.float32)
    views = [tensor("0", buffer, (1000,), (1,), legacy=form == "legacy") for _ in range(200)]
    with pytest.raises(ValueError, match="more than 4 times the file"):
        torch_file.read(save({"x": views}, {"0": buffer}))
    assert len(torch_file.read(save({"x": views[:3]}, {"0": buffer}))) == 3


@pytest.mark.parametrize("size", [[1] * 20_000, (1,) * 65, None, "ab", [1 << 200]])
def test_sizes_that_are_none_are_refused(save, form, size):
    buffer = np.zeros(6, np.float32)
    tree = {"x": tensor("0", buffer, size, size, legacy=form == "legacy")}
    with pytest.raises(ValueError, match=r"checkpoint\.pth.*(size|tuple|number)"):
        torch_file.read(save(tree, {"0": buffer}))


def test_a_member_that_claims_more_than_the_file_has_is_refused(tmp_path):
    path, whole = tmp_path / "claims.pth", bytearray(zip_bytes({}, {"0": np.zeros(9)}))
    entry = whole.rindex(b"PK\x01\x02")
    whole[entry + 20 : entry + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="claims 4,294,967,294 bytes"):
        torch_file.read(path)


def test_the_gate_leaves_other_things_to_the_other_reader(tmp_path):
    date = Call(Global("datetime", "date"), b"x", state={"a": 1})
    torch_file.check(legacy_bytes({"made": date, "sizes": [Global("torch", "float32")]}, {}))
    torch_file.check(zip_bytes({"made": date}, {}))
