import numpy as np
import pytest

from ganc import cli
from ganc.data.dataset import EARTH_LABELS, open_dataset
from ganc.errors import UserError
from ganc.export.onnx import __main__ as program
from ganc.export.onnx.check import Example, feed, run, session
from ganc.export.onnx.file import model_proto
from ganc.export.onnx.network import network
from ganc.export.onnx.pictures import calibration, of_data
from ganc.export.onnx.quantise import quantise, ranges
from ganc.models import resnet, store, unet
from ganc.models.families import generator
from ganc.types import Model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SPECS = {"norms": resnet.Spec(4, blocks=3, separable=True), "biases": unet.Spec(2, downs=5)}


@pytest.fixture(params=SPECS)
def built(request, random_params):
    made = generator(SPECS[request.param])
    return network(Model(made, random_params(made)))


@pytest.fixture
def pictures():
    draw = np.random.default_rng(0).integers(0, 256, (4, 1, 32, 32, 3), np.uint8)
    return [Example(picture, None) for picture in draw]


def test_codes_stay_near_the_network(built, pictures):
    rounded = quantise(built, [feed(built, picture) for picture in pictures])
    files = [model_proto(each, {}).SerializeToString() for each in (built, rounded)]
    exact, codes = (
        np.concatenate([run(session(file), built, picture) for picture in pictures]).astype(int)
        for file in files
    )
    gap = np.abs(exact - codes)
    assert 0 < gap.mean() < 0.1 * np.abs(exact - exact.mean()).mean()


def test_weights_have_a_scale_per_channel_and_norms_are_exact(built, pictures):
    rounded = quantise(built, [feed(built, picture) for picture in pictures])
    graph, made = rounded.graph, {node.output: node for node in rounded.graph.nodes}
    for node in graph.nodes:
        if node.op in ("Conv", "ConvTranspose"):
            weights = made[node.inputs[1]]
            values, scales = (graph.constants[name] for name in weights.inputs[:2])
            axis = weights.attributes["axis"]
            assert values.dtype == np.int8 and scales.shape == (values.shape[axis],)
            assert (np.abs(values).max(tuple(i for i in range(4) if i != axis)) == 127).all()
            assert made[node.inputs[0]].op == "DequantizeLinear"
            assert all(made[name].op == "DequantizeLinear" for name in node.inputs[2:])
        if node.op == "InstanceNormalization":
            assert all(graph.constants[name].dtype == np.float32 for name in node.inputs[1:])


def test_channels_before_a_norm_fill_one_range(random_params, pictures):
    made = generator(SPECS["norms"])
    built = network(Model(made, random_params(made)))
    feeds = [feed(built, picture) for picture in pictures]
    graph = quantise(built, feeds).graph
    rounded = [n for n in graph.nodes if n.op == "QuantizeLinear"]
    behind = graph.users()
    names = {
        node.inputs[0]
        for node in rounded
        for inner in behind[node.output]
        if any(user.op == "InstanceNormalization" for user in behind[inner.output])
    }
    assert len(names) == 17
    # The network of codes, seen before its own rounding: every channel reaches about as far.
    for least, most in ranges(quantise(built, feeds), names, feeds).values():
        reach = np.maximum(-least, most)
        assert reach.min() > 0.5 * reach.max()


@pytest.fixture(scope="module")
def earth():
    return open_dataset("earth", 32)


def test_examples_of_a_data_set(earth, random_params):
    made = generator(SPECS["norms"])
    built = network(Model(made, random_params(made)), pixels=True)
    found = list(calibration(earth, (32, 48), built))
    assert len(found) == 64 and found[0].given.shape == (1, 32, 48, 3)
    labels = open_dataset("earth:labels-satellite", 32, labels=EARTH_LABELS)
    with pytest.raises(UserError, match="takes a picture of 3 channels.*label maps of"):
        next(of_data(labels, labels.train_a, (32, 32), built))


def test_the_command_says_what_is_lost(tmp_path, random_params, capsys, monkeypatch):
    made = generator(SPECS["norms"])
    model = Model(made, random_params(made))
    store.save(tmp_path / "model", model, {"shape": [32, 32, 3]})
    arguments = [str(tmp_path / "model"), str(tmp_path / "a.onnx"), "--int8", "--no-check"]
    with pytest.raises(SystemExit) as end:
        cli.run(program.main, arguments)
    assert end.value.code == 2 and "--data folder:DIR" in capsys.readouterr().err

    class Judge:
        """Lite0 would take longer than all else here."""

        open = staticmethod(lambda *_: Judge())

        def values(self, pictures):
            assert pictures.shape[1:] == (32, 32, 3) and abs(pictures).max() <= 1
            return {}

    monkeypatch.setattr(program, "Judge", Judge)
    cli.run(program.main, [*arguments, "--data", "earth"])
    output = capsys.readouterr().out
    assert "int8: L1 to the float32 file 0.0" in output and "report pictures of earth:" in output
    assert (tmp_path / "a.onnx").exists()
