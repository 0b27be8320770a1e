"""Checkpoints in and out, beside networks built here in PyTorch, layer by layer as published."""

import functools
import re
import sys

import jax
import numpy as np
import pytest

from ganc import cli
from ganc.errors import UserError
from ganc.export import layouts
from ganc.export import torch as checkpoints
from ganc.export.names import resnet as names
from ganc.models import resnet, store
from ganc.models.flat import flatten, params_sha256

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
nn = torch.nn

FORMS = {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}}
every_form = pytest.mark.parametrize("form", FORMS)
# PyTorch reads by itself; without it, our own reader does.
every_reader = pytest.mark.parametrize("reader", ["torch", "ganc"])


@pytest.fixture(autouse=True)
def chosen(request, monkeypatch):
    if "reader" in request.fixturenames and request.getfixturevalue("reader") == "ganc":
        monkeypatch.setattr(checkpoints, "_torch", lambda: None)


class Block(nn.Module):
    def __init__(self, trunk, inner, conv, norm, dropout):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            conv(trunk, inner),
            norm(inner),
            nn.ReLU(),
            *([nn.Dropout(0.0)] if dropout else []),
            nn.ReflectionPad2d(1),
            conv(inner, trunk),
            norm(trunk, trunk=True),
        )

    def forward(self, x):
        return x + self.conv_block(x)


class Separable(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(channels_in, channels_in, 3, groups=channels_in),
            nn.InstanceNorm2d(channels_in),
            nn.Conv2d(channels_in, channels_out, 1),
        )

    def forward(self, x):
        return self.conv(x)


NORMS = {
    "instance": lambda n, trunk=False: nn.InstanceNorm2d(n),
    "old instance": lambda n, trunk=False: nn.InstanceNorm2d(n, track_running_stats=True),
    "batch": lambda n, trunk=False: nn.BatchNorm2d(n),
    "slimming": lambda n, trunk=False: nn.InstanceNorm2d(n, affine=not trunk),
}


class ResNet(nn.Module):
    """`widths`: stem, first strided, trunk, one per block, two transposed."""

    def __init__(self, widths, norm="instance", separable=False, dropout=False):
        super().__init__()
        c0, c1, trunk, *inner, u1, u2 = widths
        norm_of, bias = NORMS[norm], norm != "batch"
        dense = functools.partial(nn.Conv2d, kernel_size=3, bias=bias)
        conv = Separable if separable else dense
        self.model = nn.Sequential(
            *(nn.ReflectionPad2d(3), nn.Conv2d(3, c0, 7, bias=bias), norm_of(c0), nn.ReLU()),
            *(nn.Conv2d(c0, c1, 3, 2, 1, bias=bias), norm_of(c1), nn.ReLU()),
            *(nn.Conv2d(c1, trunk, 3, 2, 1, bias=bias), norm_of(trunk, trunk=True), nn.ReLU()),
            *(Block(trunk, width, conv, norm_of, dropout) for width in inner),
            *(nn.ConvTranspose2d(trunk, u1, 3, 2, 1, 1, bias=bias), norm_of(u1), nn.ReLU()),
            *(nn.ConvTranspose2d(u1, u2, 3, 2, 1, 1, bias=bias), norm_of(u2), nn.ReLU()),
            *(nn.ReflectionPad2d(3), nn.Conv2d(u2, 3, 7), nn.Tanh()),
        )

    def forward(self, x):
        return self.model(x)


FULL6 = (2, 4, 8, *(8,) * 6, 4, 2)
NETS = {
    "resnet6": (FULL6, {}),
    "resnet6 with dropout": (FULL6, {"dropout": True}),
    "resnet6 of an old PyTorch": (FULL6, {"norm": "old instance"}),
    "resnet6 with batch norms": (FULL6, {"norm": "batch"}),
    "resnet9": ((2, 4, 8, *(8,) * 9, 4, 2), {}),
    "mobile": ((3, 6, 12, *(12,) * 9, 6, 3), {"separable": True, "dropout": True}),
    "subnet": (
        (2, 6, 8, *(4,) * 3, *(8,) * 3, *(12,) * 3, 6, 2),
        {"separable": True, "dropout": True},
    ),
    "slimmed": ((3, 5, 8, 1, 2, 3, 4, 5, 6, 7, 8, 2, 7, 3), {"norm": "slimming"}),
}


@functools.cache
def build(name):
    torch.manual_seed(0)
    widths, options = NETS[name]
    net = ResNet(widths, **options)
    for key, tensor in net.state_dict().items():
        if tensor.dtype == torch.float32:  # biases and statistics too, so that all are seen
            tensor.normal_(0.5 if key.endswith("var") else 0, 0.3)
        if key.endswith("var"):
            tensor.abs_().add_(0.5)
    return net.eval()


PICTURE = np.random.default_rng(0).uniform(-1, 1, (1, 16, 20, 3)).astype(np.float32)


def theirs(net):
    with torch.no_grad():
        y = net(torch.from_numpy(PICTURE.transpose(0, 3, 1, 2).copy()))
    return y.numpy().transpose(0, 2, 3, 1)


def write(path, state, form="zip"):
    torch.save(state, path, **FORMS[form])
    return path


@pytest.mark.parametrize("name", NETS)
def test_the_same_weights_give_the_same_pictures(name, tmp_path):
    net = build(name)
    if name == "resnet6 of an old PyTorch":  # whose evaluation used the picture's own statistics
        for norm in net.modules():
            if isinstance(norm, nn.InstanceNorm2d):
                norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
        state = ResNet(FULL6, "old instance").state_dict() | net.state_dict()
    else:
        state = net.state_dict()
    found = checkpoints.load(write(tmp_path / "latest_net_G.pth", state))
    ours = jax.jit(lambda p, x: found.generator.apply(p, x).image)(found.params, PICTURE)
    expected = theirs(net)
    assert expected.std() > 0.1
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_a_cyclegan_becomes_one_that_can_be_slimmed(tmp_path):
    path = write(tmp_path / "net.pth", build("resnet6").state_dict())
    found = checkpoints.load(path, "slimming")
    scales = [v for k, v in flatten(found.params).items() if k.endswith("scale")]
    assert found.generator.spec.norm == "slimming" and len(scales) == 4 + 6
    ours = jax.jit(lambda p, x: found.generator.apply(p, x).image)(found.params, PICTURE)
    np.testing.assert_allclose(ours, theirs(build("resnet6")), atol=1e-4)


@every_form
@every_reader
def test_both_readers_read_both_formats(form, reader, tmp_path):
    path = write(tmp_path / "net.pth", build("resnet6").state_dict(), form)
    found = checkpoints.load(path, "resnet6")
    assert found.generator.spec == resnet.Spec(2, 6)
    expected = layouts.from_torch(
        {k: v.numpy() for k, v in build("resnet6").state_dict().items()},
        names.layers(found.generator.spec),
    )
    for key, array in flatten(found.params).items():
        np.testing.assert_array_equal(array, expected[key])


def test_family_width_depth_and_architecture_are_recognised(tmp_path):
    def spec_and_arch(name):
        found = checkpoints.load(write(tmp_path / "net.pth", build(name).state_dict()))
        return found.generator.spec, found.arch

    assert spec_and_arch("resnet9") == (resnet.Spec(2, 9), (2,) * 8)
    assert spec_and_arch("mobile") == (resnet.Spec(3, 9, True), (3,) * 8)
    assert spec_and_arch("subnet") == (resnet.Spec(3, 9, True), (2, 3, 2, 1, 2, 3, 3, 2))
    assert spec_and_arch("slimmed") == (resnet.Spec(4, 9, norm="slimming"), None)
    assert spec_and_arch("resnet6 with batch norms") == (resnet.Spec(2, 6, norm="batch"), (2,) * 8)


@every_reader
@pytest.mark.parametrize("wrap", ["module", "netG", "state_dict.module"])
def test_a_prefix_that_all_names_share_is_taken_off(wrap, reader, tmp_path):
    state = {f"{wrap}.{k}": v for k, v in build("resnet6").state_dict().items()}
    assert checkpoints.load(write(tmp_path / "net.pth", state)).arch == (2,) * 8


def test_one_of_several_networks_is_named_by_its_key(tmp_path):
    state = {"G_A": build("resnet6").state_dict(), "G_B": build("mobile").state_dict(), "epoch": 3}
    path = write(tmp_path / "net.pth", state)
    with pytest.raises(UserError, match=r"name one of G_A, G_B by --key"):
        checkpoints.load(path)
    assert checkpoints.load(path, key="G_B").generator.spec.separable
    with pytest.raises(UserError, match=r"nothing under 'G_C', only under G_A, G_B"):
        checkpoints.load(path, key="G_C")


@pytest.mark.parametrize("name", ["resnet6", "mobile", "slimmed", "resnet6 with batch norms"])
def test_a_round_trip_through_our_files_changes_nothing(name, tmp_path):
    before = checkpoints.load(write(tmp_path / "in.pth", build(name).state_dict()))
    checkpoints.save(tmp_path / "deep" / "out.pth", before.generator, before.params)
    after = checkpoints.load(tmp_path / "deep" / "out.pth")
    assert params_sha256(after.params) == params_sha256(before.params)
    state = torch.load(tmp_path / "deep" / "out.pth", weights_only=True)
    widths, options = NETS[name]
    missing, unexpected = ResNet(widths, **options).load_state_dict(state, strict=False)
    assert not unexpected and all(key.endswith("num_batches_tracked") for key in missing)


def change(**edits):
    state = dict(build("resnet6").state_dict())
    for key, value in edits.items():
        key = key.replace("__", ".")
        state.pop(key) if value is None else state.update({key: value})
    return state


@every_reader
@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            {"model__12__conv_block__5__weight": None},
            "model.12.conv_block.5.weight is missing, expected with shape (8, 8, 3, 3) or narrower",
        ),
        (
            {"model__4__weight": torch.zeros(4, 3, 3, 3)},
            "model.4.weight has shape (4, 3, 3, 3), expected (4, 2, 3, 3)",
        ),
        ({"model__1__bias": torch.zeros(2, 2)}, "model.1.bias has shape (2, 2), expected (2,)"),
        ({"model__30__weight": torch.zeros(1)}, "model.30.weight, of shape (1,), is unexpected"),
        (
            {"model__1__bias": torch.zeros(2, dtype=torch.int64)},
            "model.1.bias is int64, expected floating point",
        ),
    ],
)
def test_a_mismatch_names_the_key_and_both_shapes(edits, message, reader, tmp_path):
    path = write(tmp_path / "net.pth", change(**edits))
    with pytest.raises(UserError, match=re.escape(message)):
        checkpoints.load(path)


def test_what_is_no_generator_is_refused(tmp_path):
    path = write(tmp_path / "net.pth", {"fc.weight": torch.zeros(2, 2)})
    with pytest.raises(UserError, match=r"no generator of a known family \(resnet, .*fc.weight"):
        checkpoints.load(path)
    path = write(tmp_path / "net.pth", {"epoch": 3})
    with pytest.raises(UserError, match="its names begin with nothing"):
        checkpoints.load(path)


def test_another_family_than_the_named_one_is_refused(tmp_path):
    path = write(tmp_path / "net.pth", build("resnet6").state_dict())
    with pytest.raises(UserError, match=r"holds no resnet9, but resnet Spec\(ngf=2, blocks=6"):
        checkpoints.load(path, "resnet9")
    with pytest.raises(UserError, match=r"no family 'resnet5'; valid are resnet, .*resnet9"):
        checkpoints.load(path, "resnet5")


class Bomb:
    def __reduce__(self):
        return print, ("executed",)


@every_form
@every_reader
@pytest.mark.parametrize("damage", ["hostile", "truncated", "foreign", "missing"])
def test_files_that_are_no_tensors_are_refused_unexecuted(form, reader, damage, tmp_path, capfd):
    path = tmp_path / "net.pth"
    if damage == "hostile":
        write(path, {"model.1.weight": Bomb()}, form)
    elif damage == "truncated":
        write(path, build("resnet6").state_dict(), form)
        path.write_bytes(path.read_bytes()[:-5000])
    elif damage == "foreign":
        path.write_bytes(b"\x89PNG\r\n" * 100)
    with pytest.raises(UserError, match=r"cannot read .*net\.pth") as error:
        checkpoints.load(path)
    assert "\n" not in str(error.value)
    assert "executed" not in capfd.readouterr().out


def test_half_and_double_precision_become_single(tmp_path):
    state = {k: v.half() for k, v in build("resnet6").state_dict().items()}
    found = checkpoints.load(write(tmp_path / "half.pth", state))
    assert {array.dtype.name for array in flatten(found.params).values()} == {"float32"}
    state = {k: v.double() for k, v in build("resnet6").state_dict().items()}
    assert checkpoints.load(write(tmp_path / "double.pth", state)).arch == (2,) * 8


def test_writing_without_pytorch_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_torch", lambda: None)
    generator = resnet.generator(resnet.Spec(2, 3))
    with pytest.raises(UserError, match=r"pip install 'ganc\[torch\]'"):
        checkpoints.save(tmp_path / "net.pth", generator, {})


def run(*argv):
    cli.run(checkpoints.main, [str(word) for word in argv])


def test_the_command_goes_both_ways(tmp_path, capsys):
    path = write(tmp_path / "net.pth", build("subnet").state_dict())
    run(path, "--family", "resnet9", "--out", tmp_path / "model")
    assert "resnet Spec(ngf=3, blocks=9, separable=True" in capsys.readouterr().out
    stored = store.load(tmp_path / "model")
    assert stored.arch == (2, 3, 2, 1, 2, 3, 3, 2)
    about = store.read_about(tmp_path / "model")
    assert about["source"] == "net.pth" and len(about["source_sha256"]) == 64
    run(tmp_path / "model", "--out", tmp_path / "back.pth")
    after = torch.load(tmp_path / "back.pth", weights_only=True)
    for key, tensor in build("subnet").state_dict().items():
        assert torch.equal(tensor, after[key]), key


def test_the_command_refuses_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(tmp_path / "none.pth", "--out", tmp_path / "model")
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1
    assert error.startswith("error: cannot read") and "No such file" in error


def test_pytorch_is_imported_only_when_a_file_is_read():
    assert "ganc.export.torch" in sys.modules
    assert not hasattr(checkpoints, "torch")
