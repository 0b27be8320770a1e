import jax
import numpy as np
import pytest

from ganc import torch_file
from ganc.data.pictures import to_uint8
from ganc.errors import UserError
from ganc.features import drn

torch = pytest.importorskip("torch", reason="an independent implementation")
F = torch.nn.functional

# Blocks of each stage with residuals, and their dilation.
BLOCKS = {3: (3, 1), 4: (4, 1), 5: (23, 2), 6: (3, 4)}

logits = jax.jit(drn.logits)


@pytest.fixture(scope="module")
def tensors(draw):
    found = {name: torch.from_numpy(x) for name, x in draw(drn.shapes()).items()}
    for name, tensor in found.items():
        if name.endswith("bn3.weight"):
            tensor *= 0.3  # or 33 sums make the activations explode
    found["seg.weight"] *= 0.02
    ramp = 1 - abs(torch.arange(16) - 7.5) / 8
    found["up.weight"] = torch.outer(ramp, ramp).repeat(19, 1, 1, 1)
    return found


@pytest.fixture(scope="module")
def params(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("drn") / "weights.pth"
    torch.save({f"module.{name}": tensor for name, tensor in tensors.items()}, path)
    loaded = drn.load(path)
    path.unlink()
    return loaded


def reference(t, x):
    def conv(name, norm, x, stride=1, dilation=1):
        kernel = t[f"{name}.weight"]
        pad = dilation * (kernel.shape[-1] // 2)
        y = F.conv2d(x, kernel, stride=stride, padding=pad, dilation=dilation)
        parts = [t[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(y, *parts)

    def bottleneck(name, x, stride, dilation):
        y = F.relu(conv(f"{name}.conv1", f"{name}.bn1", x))
        y = F.relu(conv(f"{name}.conv2", f"{name}.bn2", y, stride, dilation))
        y = conv(f"{name}.conv3", f"{name}.bn3", y)
        if f"{name}.downsample.0.weight" in t:
            x = conv(f"{name}.downsample.0", f"{name}.downsample.1", x, stride)
        return F.relu(x + y)

    def plain(stage, x, stride=1, dilation=1):
        return F.relu(conv(f"base.{stage}.0", f"base.{stage}.1", x, stride, dilation))

    x = plain(2, plain(1, plain(0, x)), stride=2)
    for stage, (blocks, dilation) in BLOCKS.items():
        for i in range(blocks):
            stride = 2 if stage < 5 and i == 0 else 1
            x = bottleneck(f"base.{stage}.{i}", x, stride, dilation)
    x = F.conv2d(plain(8, plain(7, x, dilation=2)), t["seg.weight"], t["seg.bias"])
    x = F.conv_transpose2d(x, t["up.weight"], stride=8, padding=4, groups=19)
    return x.log_softmax(1)


def expected(tensors, image):
    # The mean and standard deviation that fyu/drn names for Cityscapes, to six digits.
    mean = torch.tensor([0.290101, 0.328081, 0.286964])
    deviation = torch.tensor([0.182954, 0.186566, 0.184475])
    x = (torch.from_numpy(image).float() / 255 - mean) / deviation
    return reference(tensors, x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()


def test_equals_pytorch(params, tensors, waves):
    image = to_uint8(waves(48, 72))
    found = logits(params, image)
    assert np.std(found) > 0.5
    np.testing.assert_allclose(found, expected(tensors, image), atol=5e-5)


def test_equals_pytorch_on_floats_of_any_size(params, tensors, waves):
    image = waves(43, 66)
    found = logits(params, image)
    # PyTorch's has the pixels of the next multiple of 8.
    whole = expected(tensors, to_uint8(image))
    assert whole.shape == (1, 48, 72, 19)
    np.testing.assert_allclose(found, whole[:, :43, :66], atol=5e-5)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1, rtol=1e-5)


def test_says_which_file_is_missing(tmp_path):
    with pytest.raises(UserError, match="drn-d-105_ms_cityscapes.pth of the project fyu/drn"):
        drn.load(tmp_path / "none.pth")


def test_refuses_another_network(tensors, monkeypatch):
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    monkeypatch.setattr(torch_file, "read", lambda path: arrays)
    arrays["up.weight"] = 2 * arrays["up.weight"]
    with pytest.raises(UserError, match="up.weight is not the fixed bilinear filter"):
        drn.load("drn.pth")
    del arrays["base.5.22.conv3.weight"]
    with pytest.raises(UserError, match="base.5.22.conv3.weight is missing"):
        drn.load("drn.pth")
