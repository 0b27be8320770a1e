import math
import re

import numpy as np
import pytest

from ganc import torch_file
from ganc.errors import UserError
from ganc.features import drn, inception, vgg, weights


def parameters(shapes):
    return sum(math.prod(shape) for name, shape in shapes.items() if "running_" not in name)


def test_parameters_of_the_published_networks():
    # torchvision's 27,161,264 for Inception-v3, less the 3,326,696 of its auxiliary classifier and
    # the 2,049,000 of its head.
    assert parameters(weights.shapes(inception.convs())) == 27_161_264 - 3_326_696 - 2_049_000
    assert parameters(drn.shapes()) == 54_302_915
    for layers, published in ((16, 14_714_688), (19, 20_024_384)):
        convs = [conv for block in vgg.blocks(layers) for conv in block]
        assert parameters(weights.shapes(convs)) == published


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"No such file or directory\): it comes from there"):
        weights.read(tmp_path / "none.pth", {}, "it comes from there")


def test_a_file_that_is_no_checkpoint(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<html>not found</html>")
    with pytest.raises(UserError, match="cannot read the PyTorch checkpoint.*: it comes from"):
        weights.read(path, {}, "it comes from there")


@pytest.mark.parametrize(
    "found, message",
    [
        ({"a": (2, 3)}, "b is missing, expected shape (4,)"),
        ({"a": (2, 3), "b": (4, 1)}, "b has shape (4, 1), expected shape (4,)"),
        ({"a": (3, 2)}, "a has shape (3, 2), expected shape (2, 3)"),
    ],
)
def test_names_the_first_tensor_that_does_not_fit(monkeypatch, found, message):
    tensors = {name: np.zeros(shape) for name, shape in found.items()}
    monkeypatch.setattr(torch_file, "read", lambda path: tensors)
    with pytest.raises(UserError, match=re.escape(f"in x.pth, {message}: it comes from there")):
        weights.read("x.pth", {"a": (2, 3), "b": (4,)}, "it comes from there")


def test_reads_half_precision_and_the_names_of_data_parallel(monkeypatch):
    tensors = {"module.a": np.float16([0.5, 2]), "module.other": np.zeros(3)}
    monkeypatch.setattr(torch_file, "read", lambda path: tensors)
    found = weights.read("x.pth", {"a": (2,)}, "")
    assert list(found) == ["a"] and found["a"].dtype == np.float32
    assert found["a"].tolist() == [0.5, 2]


def test_a_folded_batch_norm_is_the_batch_norm(draw):
    conv = weights.Conv("conv", 3, 4, (1, 1), norm="norm")
    tensors = draw(weights.shapes([conv]))
    folded = weights.convolutions(tensors, [conv], epsilon=0.5)["conv"]
    x = np.random.default_rng(1).normal(size=(5, 3))
    y = x @ tensors["conv.weight"][:, :, 0, 0].T
    deviation = np.sqrt(tensors["norm.running_var"] + 0.5)
    expected = (y - tensors["norm.running_mean"]) / deviation * tensors["norm.weight"]
    found = x @ folded["kernel"][0, 0] + folded["bias"]
    np.testing.assert_allclose(found, expected + tensors["norm.bias"], atol=1e-5)
