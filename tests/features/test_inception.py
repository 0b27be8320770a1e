import functools

import jax
import numpy as np
import pytest

from ganc import torch_file
from ganc.data.pictures import to_uint8
from ganc.errors import UserError
from ganc.features import inception, resizing, weights

torch = pytest.importorskip("torch", reason="an independent implementation")
F = torch.nn.functional

# Channels and size of what a block is given here: the least that its kernels and strides can tell
# apart, and never square.
INPUTS = {
    "": (3, 75, 91),
    "Mixed_5b": (192, 7, 5),
    "Mixed_5c": (256, 7, 5),
    "Mixed_5d": (288, 7, 5),
    "Mixed_6a": (288, 8, 5),
    "Mixed_6b": (768, 9, 6),
    "Mixed_6c": (768, 9, 6),
    "Mixed_6d": (768, 9, 6),
    "Mixed_6e": (768, 9, 6),
    "Mixed_7a": (768, 8, 5),
    "Mixed_7b": (1280, 5, 4),
    "Mixed_7c": (2048, 5, 4),
}


@pytest.fixture(scope="module")
def tensors(draw):
    shapes = weights.shapes(inception.convs()) | {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    return {name: torch.from_numpy(tensor) for name, tensor in draw(shapes).items()}


@pytest.fixture(scope="module")
def params(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    # The published file is older than PyTorch's zip files.
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    loaded = inception.load(path)
    path.unlink()
    return loaded


def conv(t, name, x, stride=1, pad=0):
    y = F.conv2d(x, t[f"{name}.conv.weight"], stride=stride, padding=pad)
    norm = [t[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.relu(F.batch_norm(y, *norm, eps=1e-3))


def stem(t, x):
    x = conv(t, "Conv2d_2a_3x3", conv(t, "Conv2d_1a_3x3", x, 2))
    x = F.max_pool2d(conv(t, "Conv2d_2b_3x3", x, pad=1), 3, 2)
    return F.max_pool2d(conv(t, "Conv2d_4a_3x3", conv(t, "Conv2d_3b_1x1", x)), 3, 2)


def block(t, name, x):
    if not name:
        return stem(t, x)
    c = functools.partial(conv, t)
    n, kind = f"{name}.branch", name[-2:]
    average = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    across, down = (0, 3), (3, 0)
    if kind in ("5b", "5c", "5d"):
        double = c(f"{n}3x3dbl_2", c(f"{n}3x3dbl_1", x), pad=1)
        parts = [
            c(f"{n}1x1", x),
            c(f"{n}5x5_2", c(f"{n}5x5_1", x), pad=2),
            c(f"{n}3x3dbl_3", double, pad=1),
            c(f"{n}_pool", average),
        ]
    elif kind == "6a":
        double = c(f"{n}3x3dbl_2", c(f"{n}3x3dbl_1", x), pad=1)
        parts = [c(f"{n}3x3", x, 2), c(f"{n}3x3dbl_3", double, 2), F.max_pool2d(x, 3, 2)]
    elif kind in ("6b", "6c", "6d", "6e"):
        single = c(f"{n}7x7_2", c(f"{n}7x7_1", x), pad=across)
        double = c(f"{n}7x7dbl_2", c(f"{n}7x7dbl_1", x), pad=down)
        double = c(f"{n}7x7dbl_4", c(f"{n}7x7dbl_3", double, pad=across), pad=down)
        parts = [
            c(f"{n}1x1", x),
            c(f"{n}7x7_3", single, pad=down),
            c(f"{n}7x7dbl_5", double, pad=across),
            c(f"{n}_pool", average),
        ]
    elif kind == "7a":
        long = c(f"{n}7x7x3_2", c(f"{n}7x7x3_1", x), pad=across)
        long = c(f"{n}7x7x3_4", c(f"{n}7x7x3_3", long, pad=down), 2)
        parts = [c(f"{n}3x3_2", c(f"{n}3x3_1", x), 2), long, F.max_pool2d(x, 3, 2)]
    else:
        single = c(f"{n}3x3_1", x)
        double = c(f"{n}3x3dbl_2", c(f"{n}3x3dbl_1", x), pad=1)
        pooled = average if kind == "7b" else F.max_pool2d(x, 3, 1, 1)
        parts = [
            c(f"{n}1x1", x),
            c(f"{n}3x3_2a", single, pad=(0, 1)),
            c(f"{n}3x3_2b", single, pad=(1, 0)),
            c(f"{n}3x3dbl_3a", double, pad=(0, 1)),
            c(f"{n}3x3dbl_3b", double, pad=(1, 0)),
            c(f"{n}_pool", pooled),
        ]
    return torch.cat(parts, 1)


@pytest.mark.parametrize("name", INPUTS)
def test_every_block_equals_pytorch(params, tensors, name):
    x = np.random.default_rng(1).standard_normal((1, *INPUTS[name]), np.float32)
    expected = block(tensors, name, torch.from_numpy(x)).numpy().transpose(0, 2, 3, 1)
    own = {key: conv for key, conv in params.items() if key.startswith(name or "Conv2d")}
    found = jax.jit(inception.apply_block, static_argnums=1)(own, name, x.transpose(0, 2, 3, 1))
    assert list(INPUTS) == list(inception.BLOCKS)
    assert expected.std() > 0.3
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_pictures_of_any_sizes_equal_pytorch(params, tensors, waves, monkeypatch):
    monkeypatch.setattr(resizing, "SIZE", 107)  # an eighth of the work
    images = [to_uint8(waves(*size))[0] for size in ((80, 120), (320, 300), (64, 64))]
    expected = []
    for image in images:
        x = torch.from_numpy(image.transpose(2, 0, 1)[None]).float() / 255
        x = 2 * F.interpolate(x, (107, 107), mode="bilinear", align_corners=False) - 1
        for name in INPUTS:
            x = block(tensors, name, x)
        expected.append(x.mean((0, 2, 3)).numpy())
    found = inception.extract(params, images, batch=2)
    assert np.std(expected, axis=0).mean() > 0.01
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


def test_features_are_those_of_the_resized_picture(params, waves, monkeypatch):
    monkeypatch.setattr(inception, "pool3", lambda params, x: x)
    images = waves(20, 30)
    for how in ("bilinear", "clean", "tf1"):
        found = inception.features(params, images, resize=how)
        np.testing.assert_array_equal(found, resizing.resize(images, how))


def test_no_pictures_have_no_features(params):
    assert inception.extract(params, np.zeros((0, 64, 64, 3))).shape == (0, 2048)


def test_says_which_file_is_missing(tmp_path):
    with pytest.raises(UserError, match="pt_inception-2015-12-05-6726825d.pth.*Lite0"):
        inception.load(tmp_path / "none.pth")


def test_refuses_the_network_of_torchvision(tensors, monkeypatch):
    other = {name: tensor.numpy() for name, tensor in tensors.items()}
    other["fc.weight"] = np.zeros((1000, 2048), np.float32)
    monkeypatch.setattr(torch_file, "read", lambda path: other)
    with pytest.raises(UserError, match=r"fc.weight has shape \(1000, 2048\).*\(1008, 2048\)"):
        inception.load("inception_v3.pth")
