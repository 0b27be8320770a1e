import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.errors import UserError
from ganc.features import lite0, vgg, weights
from ganc.features.perceptual import perceptual

torch = pytest.importorskip("torch", reason="it writes the file")


def test_lite0_is_the_network_that_scores(waves):
    network = perceptual("lite0")
    images = waves(64, 64)
    styles, content = jax.jit(lambda p, x: network.features(p)(x))(network.params, images)
    assert [x.shape for x in styles] == [
        (1, 32, 32, 32), (1, 16, 16, 24), (1, 8, 8, 40), (1, 4, 4, 112)
    ]  # fmt: skip
    np.testing.assert_array_equal(content, styles[1])
    assert all(0.5 < float(jnp.sqrt(jnp.square(x).mean())) < 1.5 for x in styles)
    # The rest of the network on the last of them is what `lite0.features` gives.
    x = 6 * styles[-1]
    for convs, stride in list(zip(network.params["blocks"], lite0._BLOCKS, strict=True))[11:]:
        x = lite0._block(convs, x, stride)
    x = jax.nn.relu6(lite0._conv(network.params["head"], x)).mean(axis=(1, 2))
    np.testing.assert_allclose(x, lite0.features(network.params, images, size=64), atol=1e-4)


def test_gradients_reach_the_picture(waves):
    network = perceptual("lite0")

    def loss(x):
        return sum(jnp.square(y).mean() for y in network.maps(network.params, x))

    gradient = jax.jit(jax.grad(loss))(waves(32, 32))
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_vgg_of_a_file(draw, waves, tmp_path):
    convs = [conv for block in vgg.blocks(16) for conv in block]
    path = tmp_path / "vgg.pth"
    tensors = {k: torch.from_numpy(v) for k, v in draw(weights.shapes(convs)).items()}
    torch.save(tensors, path)
    images = waves(16, 16)
    network = perceptual(f"vgg16:{path}")
    assert network.name == f"vgg16:{path}"
    styles, content = network.features(network.params)(images)
    expected = vgg.taps(
        network.params, images, ["relu1_2", "relu2_2", "relu3_3", "relu4_3"], scaling="unit"
    )
    for ours, theirs in zip(styles, expected.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(content, expected["relu2_2"])
    mended = perceptual(f"vgg16:{path}", scaling="imagenet")
    assert np.abs(mended.maps(mended.params, images)[0] - styles[0]).max() > 1e-3


@pytest.mark.parametrize("name", ["vgg16", "vgg16:", "vgg19:file", "lite1", ""])
def test_refuses_other_names(name):
    with pytest.raises(UserError, match=r"no features .*valid are lite0, vgg16:FILE"):
        perceptual(name)


def test_says_which_file_is_missing(tmp_path):
    with pytest.raises(UserError, match="vgg16-397923af.pth"):
        perceptual(f"vgg16:{tmp_path}/none.pth")
