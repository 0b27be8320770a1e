import functools

import jax
import numpy as np
import pytest

from ganc import torch_file
from ganc.errors import UserError
from ganc.features import lpips, vgg, weights

torch = pytest.importorskip("torch", reason="an independent implementation")
F = torch.nn.functional

WIDTHS = (64, 128, 256, 512, 512)
# The index of each convolution of torchvision's VGG-16, and how many of them end a block.
INDICES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
ENDS = (2, 7, 14, 21, 28)


@jax.jit
@functools.partial(jax.grad, has_aux=True)
def gradient(x, params, y):
    """Of the sum over pairs with respect to x, and the distances."""
    distances = lpips.distance(params, x, y)
    return distances.sum(), distances


@pytest.fixture(scope="module")
def files(draw, tmp_path_factory):
    """Where the two files lie, and what is in them."""
    folder = tmp_path_factory.mktemp("lpips")
    shapes = weights.shapes(conv for block in vgg.blocks(16) for conv in block)
    linear = {f"lin{i}.model.1.weight": (1, width, 1, 1) for i, width in enumerate(WIDTHS)}
    network = {name: torch.from_numpy(x) for name, x in draw(shapes).items()}
    rows = {name: torch.from_numpy(np.abs(x)) for name, x in draw(linear, seed=1).items()}
    torch.save(network, folder / "vgg16.pth")
    torch.save(rows, folder / "linear.pth")
    yield folder / "vgg16.pth", folder / "linear.pth", network, rows
    (folder / "vgg16.pth").unlink()


@pytest.fixture(scope="module")
def params(files):
    return lpips.load(*files[:2])


@pytest.fixture
def pair(waves):
    """Two arrays of two pictures; the first two are more alike than the other two."""
    first, second, third = (waves(32, 40, seed) for seed in range(3))
    return np.concatenate([first, second]), np.concatenate([third, -second])


def reference(network, rows, x, y):
    # ScalingLayer and NetLinLayer of PerceptualSimilarity 0.1.
    shift = torch.tensor([-0.030, -0.088, -0.188])
    scale = torch.tensor([0.458, 0.448, 0.450])
    x, y = (((z - shift) / scale).permute(0, 3, 1, 2) for z in (x, y))
    total = 0
    for index in INDICES:
        kernel, bias = network[f"features.{index}.weight"], network[f"features.{index}.bias"]
        x, y = (F.relu(F.conv2d(z, kernel, bias, padding=1)) for z in (x, y))
        if index in ENDS:
            first, second = (z / (z.square().sum(1, keepdim=True).sqrt() + 1e-10) for z in (x, y))
            row = rows[f"lin{ENDS.index(index)}.model.1.weight"]
            total = total + F.conv2d((first - second) ** 2, row).mean((1, 2, 3))
            x, y = (F.max_pool2d(z, 2) for z in (x, y))
    return total


def test_value_and_gradient_equal_pytorch(params, files, pair):
    x, y = (torch.from_numpy(z) for z in pair)
    expected = reference(*files[2:], x.requires_grad_(), y)
    expected.sum().backward()
    found, distances = gradient(pair[0], params, pair[1])
    assert 0.01 < expected[0] < 0.9 * expected[1]
    np.testing.assert_allclose(distances, expected.detach(), rtol=1e-5)
    # Not by element: a ReLU next to 0 may round to its other side.
    assert np.linalg.norm(found - x.grad.numpy()) < 0.01 * np.linalg.norm(x.grad)


def test_is_a_distance_of_pairs(params, pair):
    x, y = pair
    np.testing.assert_allclose(gradient(x, params, x)[1], 0, atol=1e-9)
    forth, back = gradient(x, params, y)[1], gradient(y, params, x)[1]
    np.testing.assert_allclose(forth, back, rtol=1e-5)


def test_has_a_value_and_a_gradient_where_no_channel_answers(params, pair):
    first, second = params["vgg"][0]
    deaf = {**second, "bias": second["bias"] - 1e3}  # relu1_2 is 0 everywhere
    params = {**params, "vgg": [[first, deaf], *params["vgg"][1:]]}
    for found in gradient(pair[0], params, pair[1]):
        assert np.isfinite(found).all()


def test_refuses_pictures_of_two_sizes(params, waves):
    with pytest.raises(ValueError, match=r"\(1, 16, 16, 3\) and \(1, 16, 17, 3\)"):
        lpips.distance(params, waves(16, 16), waves(16, 17))


def test_refuses_other_files(files, tmp_path, monkeypatch):
    vgg16, linear, _, rows = files
    with pytest.raises(UserError, match="LPIPS needs lpips/weights/v0.1/vgg.pth"):
        lpips.load(vgg16, tmp_path / "none.pth")
    with pytest.raises(UserError, match="vgg16-397923af.pth"):
        lpips.load(tmp_path / "none.pth", linear)
    below = {name: x.numpy() - 0.5 for name, x in rows.items()}
    monkeypatch.setattr(torch_file, "read", lambda path: below)
    with pytest.raises(UserError, match=r"lin0.model.1.weight holds values below 0"):
        lpips.load(vgg16, linear)
