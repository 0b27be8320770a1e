import json
from dataclasses import replace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from odd_network import odd_network

from ganc import cli
from ganc.data.pictures import to_uint8
from ganc.errors import RunError, UserError
from ganc.export.onnx import __main__ as program
from ganc.export.onnx import check as checking
from ganc.export.onnx.file import model_proto
from ganc.export.onnx.network import network
from ganc.metrics import cost
from ganc.models import (
    cartoon,
    dcgan,
    deep_resnet,
    munit,
    resnet,
    spade,
    srgan,
    stargan,
    store,
    unet,
)
from ganc.models.families import FAMILIES, generator
from ganc.nn import conv
from ganc.translate import translate
from ganc.types import Model, Output

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SPECS = {
    "resnet": resnet.Spec(4, blocks=3),
    "mobile": resnet.Spec(4, blocks=3, separable=True, upsampling="resize"),
    "batch": resnet.Spec(4, blocks=3, norm="batch"),
    "slimming": resnet.Spec(4, blocks=3, norm="slimming"),
    "cartoon": cartoon.Spec(4, blocks=3),
    # Its 45 instance norms in a row would multiply the last digits by a thousand.
    "deep_resnet": deep_resnet.Spec(2, blocks=3, norm="batch"),
    "munit": munit.Spec(2, separable=True, blocks=2, style_dim=3, mlp_dim=4),
    "spade": spade.Spec(2, labels=5, upsampling="normal"),
    "unet": unet.Spec(2, downs=5),
    "srgan": srgan.Spec(4, blocks=3),
    "stargan": stargan.Spec(4, blocks=3, attributes=2),
    "dcgan": dcgan.Spec(4, 8, 16),
}


def drawn(model, x, pixels=False, size=None, **inputs):
    """What ONNX Runtime makes of `x` (b h w c), and the graph's operators."""
    built = network(model, pixels=pixels, size=size)
    proto = model_proto(built, {}).SerializeToString()
    feed = {built.inputs[0].name: x if pixels else x.transpose(0, 3, 1, 2), **inputs}
    (result,) = checking.session(proto).run(None, feed)
    return result if pixels else result.transpose(0, 2, 3, 1), [n.op for n in built.graph.nodes]


@pytest.fixture(autouse=True)
def plain_convolutions(monkeypatch):
    monkeypatch.setattr(conv, "_on_cpu", lambda form: False)  # they compile in half the time


@pytest.fixture(scope="module")
def draw():
    return lambda seed, *shape: np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_all_families_are_here():
    assert {type(spec).__module__.rpartition(".")[2] for spec in SPECS.values()} == set(FAMILIES)


@pytest.mark.parametrize("name", SPECS)
def test_a_family_draws_what_jax_draws(name, random_params, draw):
    made = generator(SPECS[name])
    model = Model(made, random_params(made))
    side = max(made.divisor, 16)
    shapes, size = ((1, side, 2 * side), (2, 2 * side, side)), None
    if name == "dcgan":  # it draws pictures of one size
        shapes, size = ((1, side, side), (2, side, side)), (side, side)
    for batch, height, width in shapes:
        x = draw(batch, batch, height, width, made.channels_in)
        inputs = {"style": draw(3, batch, 3)} if name == "munit" else {}
        image = jax.jit(made.apply)(model.params, x, **inputs).image
        result, _ = drawn(model, x, size=size, **inputs)
        assert np.std(result) > 0.01
        np.testing.assert_allclose(result, image, atol=1e-4)


def test_the_graph_has_what_runtimes_are_fast_at(random_params, draw):
    made = generator(SPECS["resnet"])
    _, ops = drawn(Model(made, random_params(made)), draw(0, 1, 16, 16, 3))
    # Twelve convolutions with the zero pads inside; reflecting ones at the blocks and both ends.
    assert {op: ops.count(op) for op in sorted(set(ops))} == {
        **{"Add": 3, "Conv": 10, "ConvTranspose": 2, "InstanceNormalization": 11, "Max": 1},
        **{"Min": 1, "Pad": 8, "Relu": 8, "Tanh": 1},
    }
    built = network(Model(made, random_params(made)))
    biased = [node for node in built.graph.nodes if "Conv" in node.op and len(node.inputs) > 2]
    assert len(biased) == 1  # the head's: every other stands before a norm


def test_batch_norms_and_scales_of_norms_are_folded(random_params, draw):
    for name in ("batch", "unet", "cartoon"):
        made = generator(SPECS[name])
        x = draw(0, 1, made.divisor * 2, made.divisor * 2, made.channels_in)
        _, ops = drawn(Model(made, random_params(made)), x)
        assert "Mul" not in ops and ops.count("Add") == (0 if name == "unet" else 3)


def test_an_arrangement_of_everything_else(toy, draw):
    made, params = odd_network(toy)
    for shape in ((1, 8, 14, 3), (2, 14, 8, 3)):
        x = draw(0, *shape)
        result, _ = drawn(Model(made, params), x)
        np.testing.assert_allclose(result, jax.jit(made.apply)(params, x).image, atol=1e-4)


def test_what_has_no_rule_is_named(toy):
    class Pooled(nn.Module):
        @nn.compact
        def __call__(self, x):
            return Output(Sorting(name="order")(x), {})

    class Sorting(nn.Module):
        @nn.compact
        def __call__(self, x):
            return jnp.sort(x, axis=-1)

    made = replace(toy(2), apply=lambda p, x: Pooled().apply({}, x))
    with pytest.raises(UserError, match=r"layer Pooled/order: there is no ONNX for sort"):
        network(Model(made, {}))


def test_what_depends_on_one_size_is_refused(toy):
    def apply(params, x):
        del params
        return Output(x if x.shape[1] > 20 else -x, {})

    made = replace(toy(2), apply=apply)
    with pytest.raises(UserError, match="cannot be traced with any batch, height and width"):
        network(Model(made, {}))
    assert network(Model(made, {}), size=(22, 22)).output.shape == ("batch", 3, 22, 22)


@pytest.mark.parametrize("size", [(13, 18), (5, 16)])
def test_pixels_are_those_of_translate(size, random_params):
    made = generator(SPECS["mobile"])
    model = Model(made, random_params(made))
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    result, _ = drawn(model, picture[None], pixels=True)
    assert result.dtype == np.uint8 and result.shape == (1, *size, 3)
    assert np.abs(result[0].astype(int) - translate(model, picture)).max() <= 1


def test_pixels_of_label_maps(toy):
    made = replace(toy(2), channels_in=4, apply=lambda p, x: Output(x[..., :3] - x[..., 3:], {}))
    labels = np.eye(4, dtype=np.uint8)[np.random.default_rng(0).integers(0, 4, (1, 5, 6))]
    result, _ = drawn(Model(made, {}), labels, pixels=True)
    image = np.float32(labels[..., :3]) - labels[..., 3:]
    assert np.array_equal(result, to_uint8(image))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    made = generator(SPECS["mobile"])
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(made.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.float32(rng.normal(0, 0.1, leaf.shape)), shapes)
    path = tmp_path_factory.mktemp("stored") / "model"
    store.save(path, Model(made, params, (4,) * 8), {"data": "earth", "score": 0.5})
    return path


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.run(program.main, [str(argument) for argument in arguments])
    return end.value.code


def test_a_file_and_what_it_says_of_itself(stored, tmp_path, capsys):
    cli.run(program.main, [str(stored), str(tmp_path / "a.onnx"), "--pixels"])
    output = capsys.readouterr().out
    assert "differ by at most" in output and "64, 62x65, 67x64 px" in output
    assert "opset 17" in output and "uint8 (batch, height, width, 3)" in output
    proto = onnx.load(tmp_path / "a.onnx")
    said = {entry.key: entry.value for entry in proto.metadata_props}
    assert said["family"] == "resnet" and json.loads(said["about"])["score"] == 0.5
    assert said["architecture"] == "4_4_4_4_4_4_4_4" and said["divisor"] == "4"
    names = [node.name for node in proto.graph.node]
    assert any("ResNet/block0/conv1_depthwise" in name for name in names)


def test_the_speed_stands_beside_the_multiply_adds(stored, tmp_path, random_params, capsys):
    made = resnet.generator(resnet.Spec(8, blocks=3))
    store.save(tmp_path / "full", Model(made, random_params(made)), {})
    flags = ["--no-check", "--beside", str(tmp_path / "full"), "--size", "16", "24"]
    cli.run(program.main, [str(stored), str(tmp_path / "a.onnx"), *flags])
    output = capsys.readouterr().out
    macs = [cost.macs(g, 16, 24)(g.widths) for g in (generator(SPECS["mobile"]), made)]
    assert "a picture of 16x24 px" in output and f"{macs[0]:,} against {macs[1]:,}" in output


def test_half_the_bytes(stored, tmp_path):
    for name, flags in (("a", []), ("b", ["--float16"])):
        cli.run(program.main, [str(stored), str(tmp_path / name), "--no-check", *flags])
    weights = [
        sum(len(w.raw_data) for w in onnx.load(tmp_path / name).graph.initializer) for name in "ab"
    ]
    assert weights[1] < 0.6 * weights[0]


def test_mistakes_end_in_one_line_and_code_2(stored, tmp_path, capsys):
    (tmp_path / "there.onnx").write_text("mine")
    for arguments, message in (
        ((stored, tmp_path / "there.onnx"), "there.onnx exists"),
        ((tmp_path / "no", tmp_path / "a.onnx"), "holds no model"),
        ((stored, tmp_path / "a.onnx", "--size", "30", "32"), "multiples of 4 and at least 8"),
        ((stored, tmp_path / "a.onnx", "--size", "3", "32", "--pixels"), "must be at least 5"),
        ((stored, tmp_path / "there.onnx" / "a.onnx", "--no-check"), "cannot write"),
    ):
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]
    assert (tmp_path / "there.onnx").read_text() == "mine"


def test_a_missing_library_is_named(stored, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    assert run(stored, tmp_path / "a.onnx") == 2
    error = capsys.readouterr().err
    assert "need onnxruntime: pip install 'ganc[onnx]'; or leave" in error and "--no-check" in error
    cli.run(program.main, [str(stored), str(tmp_path / "a.onnx"), "--no-check"])
    assert (tmp_path / "a.onnx").exists()


def test_other_pictures_are_not_written(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "expected", lambda _, __, example: example.given)
    with pytest.raises(RunError, match="at most 1 is expected, and nothing was written"):
        program.export(stored, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()
