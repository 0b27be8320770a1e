import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.errors import UserError
from ganc.features import vgg, weights

torch = pytest.importorskip("torch", reason="an independent implementation")
F = torch.nn.functional

# The index of every convolution in torchvision's `features`; the picture is halved between rows.
INDICES = {
    16: [[0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]],
    19: [[0, 2], [5, 7], [10, 12, 14, 16], [19, 21, 23, 25], [28, 30, 32, 34]],
}


@pytest.fixture(scope="module", params=INDICES)
def network(request, draw, tmp_path_factory):
    """The number of layers, the state dict, and what is loaded from its file."""
    layers = request.param
    convs = [conv for block in vgg.blocks(layers) for conv in block]
    shapes = weights.shapes(convs)
    tensors = {name: torch.from_numpy(x) for name, x in draw(shapes).items()}
    path = tmp_path_factory.mktemp("vgg") / "weights.pth"
    torch.save(tensors, path)
    params = vgg.load(path, layers)
    path.unlink()
    return layers, tensors, params


def activations(layers, tensors, x):
    """The picture x (b 3 h w) after every ReLU, by name, as they are computed."""
    for i, row in enumerate(INDICES[layers], start=1):
        x = F.max_pool2d(x, 2) if i > 1 else x
        for j, index in enumerate(row, start=1):
            kernel, bias = (tensors[f"features.{index}.{part}"] for part in ("weight", "bias"))
            x = F.relu(F.conv2d(x, kernel, bias, padding=1))
            yield f"relu{i}_{j}", x


def nchw(x):
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def nhwc(x):
    return x.detach().numpy().transpose(0, 2, 3, 1)


taps = jax.jit(vgg.taps, static_argnames=("names", "scaling"))


def test_every_activation_equals_pytorch(network, waves):
    layers, tensors, params = network
    images = waves(32, 50)
    expected = dict(activations(layers, tensors, nchw(images)))
    found = taps(params, images, tuple(expected), scaling="none")
    assert set(found) == set(expected)
    for name, activation in expected.items():
        assert activation.std() > 0.1
        np.testing.assert_allclose(found[name], nhwc(activation), atol=2e-5, err_msg=name)


def test_what_the_network_sees(network, waves):
    layers, tensors, params = network
    images = waves(8, 6)
    unit = (images + 1) / 2
    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    seen = {"none": images, "unit": unit, "imagenet": (unit - mean) / deviation}
    for scaling, picture in seen.items():
        name, expected = next(activations(layers, tensors, nchw(picture)))
        found = vgg.taps(params, images, [name], scaling=scaling)
        np.testing.assert_allclose(found[name], nhwc(expected), atol=1e-5)


def test_gradients_equal_pytorch(network, waves):
    layers, tensors, params = network
    images = waves(12, 9)
    names = ("relu2_2", "relu3_1")

    def loss(images):
        found = vgg.taps(params, images, names, scaling="unit")
        return sum(jnp.square(x).mean() for x in found.values())

    x = nchw(images).requires_grad_()
    expected = 0
    for name, activation in activations(layers, tensors, (x + 1) / 2):
        if name in names:
            expected = expected + activation.square().mean()
        if name == names[-1]:
            break
    expected.backward()
    assert x.grad.abs().mean() > 1e-4
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(images), nhwc(x.grad), atol=1e-6)


def test_computes_nothing_behind_the_last_name(network):
    *_, params = network
    program = jax.make_jaxpr(lambda x: vgg.taps(params, x, ["relu1_2"], scaling="none"))
    assert str(program(np.zeros((1, 4, 4, 3), np.float32))).count("conv_general_dilated[") == 2


def test_refuses_activations_that_it_does_not_have(network):
    layers, _, params = network
    with pytest.raises(ValueError, match="relu5_5.*relu9_1"):
        vgg.taps(params, np.zeros((1, 16, 16, 3)), ["relu9_1", "relu5_5"], scaling="unit")
    if layers == 16:
        with pytest.raises(ValueError, match="relu5_4"):
            vgg.taps(params, np.zeros((1, 16, 16, 3)), ["relu5_4"], scaling="unit")


def test_says_which_file_is_missing(tmp_path):
    with pytest.raises(UserError, match="vgg16-397923af.pth"):
        vgg.load(tmp_path / "none.pth")
    with pytest.raises(UserError, match="vgg19-dcbb9e9d.pth"):
        vgg.load(tmp_path / "none.pth", 19)
