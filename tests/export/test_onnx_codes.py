"""A generator that learned in eight bits is written with its own codes."""

import re

import numpy as np
import pytest

from ganc.errors import UserError
from ganc.export.onnx import __main__ as program
from ganc.export.onnx.quantise import _codes
from ganc.models import resnet, store
from ganc.models.kernels import kernels_of
from ganc.models.quantised import ranges, with_ranges
from ganc.types import Model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_the_file_holds_codes_and_draws_what_the_network_draws(random_params, tmp_path):
    generator = resnet.generator(resnet.Spec(4, 3, norm="slimming"))
    params = random_params(generator)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    model = Model(*with_ranges(generator, params, ranges(generator, params, [x])))
    store.save(tmp_path / "student", model, {})
    checked, *_ = program.export(tmp_path / "student", tmp_path / "student.onnx")
    # Of random weights a rounding that falls to the other side is amplified as of no trained ones.
    assert float(re.search(r"levels, (\S+) in the mean", checked).group(1)) < 1
    weights = [
        weights
        for weights in onnx.load(tmp_path / "student.onnx").graph.initializer
        if len(weights.dims) == 4
    ]
    assert len(weights) == len(kernels_of(generator))
    assert all(each.data_type == onnx.TensorProto.INT8 for each in weights)
    with pytest.raises(UserError, match="in eight bits already"):
        program.export(tmp_path / "student", tmp_path / "half.onnx", float16=True)
    assert not (tmp_path / "half.onnx").exists()


def test_weights_off_every_grid_stay():
    rng = np.random.default_rng(0)
    assert _codes(rng.normal(size=(4, 3, 3, 3)).astype(np.float32), 0) is None
    codes = rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
    codes[:, 0, 0, 0] = 127
    scale = np.float32([0.1, 2.0, 1e-3, 7.0])
    found = _codes(codes * scale[:, None, None, None], 0)
    assert found is not None
    np.testing.assert_array_equal(found[0], codes)
    np.testing.assert_allclose(found[1], scale, rtol=1e-6)
