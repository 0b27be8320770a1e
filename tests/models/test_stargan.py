import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc.export import layouts
from ganc.export.names import stargan as names
from ganc.models import stargan
from ganc.models.flat import flatten

SPEC = stargan.Spec(2, 3, 2)


def pytorch(random_params, network, layers):
    """The parameters of `network`, and PyTorch's by the names of `layers`."""
    torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
    params = random_params(network, scale=0.2)
    arrays = layouts.to_torch(flatten(params), layers)
    return torch, params, {name: torch.from_numpy(a.copy()) for name, a in arrays.items()}


def test_equals_pytorch(random_params):
    generator, layers = stargan.generator(SPEC), names.layers(SPEC)
    torch, params, w = pytorch(random_params, generator, layers)
    f = torch.nn.functional

    def norm(y, name):
        return f.instance_norm(y, weight=w[f"{name}.weight"], bias=w[f"{name}.bias"])

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (2, 12, 8, 3)).astype(np.float32)
    attributes = np.float32([[1, 0], [0, 1]])
    planes = np.broadcast_to(attributes[:, None, None], (2, 12, 8, 2))
    y = torch.from_numpy(np.concatenate([x, planes], -1)).permute(0, 3, 1, 2)
    for place, stride, pad in ((0, 1, 3), (3, 2, 1), (6, 2, 1)):
        y = f.conv2d(y, w[f"main.{place}.weight"], stride=stride, padding=pad)
        y = norm(y, f"main.{place + 1}").relu()
    for i in (9, 10, 11):
        z = norm(f.conv2d(y, w[f"main.{i}.main.0.weight"], padding=1), f"main.{i}.main.1").relu()
        y = y + norm(f.conv2d(z, w[f"main.{i}.main.3.weight"], padding=1), f"main.{i}.main.4")
    for i in (12, 15):
        y = f.conv_transpose2d(y, w[f"main.{i}.weight"], stride=2, padding=1)
        y = norm(y, f"main.{i + 1}").relu()
    theirs = f.conv2d(y, w["main.18.weight"], padding=3).tanh().permute(0, 2, 3, 1).numpy()
    ours = jax.jit(lambda p, x, c: generator.apply(p, x, attributes=c).image)(params, x, attributes)
    assert np.std(theirs) > 0.05
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    plain = generator.apply(params, x).image  # without attributes: zeros
    assert np.abs(plain - ours).max() > 1e-3
    spec, _ = names.recognise({name: tuple(a.shape) for name, a in w.items()}) or (None, None)
    assert spec == SPEC


def test_the_discriminator_equals_pytorch(random_params):
    judge = stargan.discriminator(stargan.DiscriminatorSpec(2, 16, 3, 2))
    layers = [layouts.Layer(name, name) for name in ("conv0", "conv1", "conv2")]
    layers += [layouts.Layer(name, name) for name in ("real", "attributes")]
    torch, params, w = pytorch(random_params, judge, layers)
    f = torch.nn.functional
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    y = torch.from_numpy(x).permute(0, 3, 1, 2)
    for name in ("conv0", "conv1", "conv2"):
        y = f.conv2d(y, w[f"{name}.weight"], w[f"{name}.bias"], stride=2, padding=1)
        y = f.leaky_relu(y, 0.01)
    real = f.conv2d(y, w["real.weight"], padding=1).permute(0, 2, 3, 1).numpy()
    found = f.conv2d(y, w["attributes.weight"])[:, :, 0, 0].numpy()
    verdict = jax.jit(judge.apply)(params, x)
    np.testing.assert_allclose(verdict.logits, real, atol=1e-5)
    np.testing.assert_allclose(verdict.features[0][0], found, atol=1e-5)


def test_the_published_size_of_the_discriminator():
    spec = stargan.DiscriminatorSpec()
    shapes = flatten_dict(jax.eval_shape(stargan.discriminator(spec).init, jax.random.key(0)))
    assert sum(np.prod(leaf.shape) for leaf in shapes.values()) == 44_762_048


def test_initial_weights(key):
    for path, array in flatten_dict(stargan.generator(SPEC).init(key), sep="/").items():
        if path.endswith("kernel"):
            fan_axis = 3 if path.startswith("up") else 2  # of transposed kernels the outputs
            bound = (array.shape[0] * array.shape[1] * array.shape[fan_axis]) ** -0.5
            assert 0.8 * bound < np.abs(array).max() <= bound, path
        else:
            np.testing.assert_array_equal(array, float(path.endswith("scale")))


@pytest.mark.parametrize("wrong", [{"blocks": 2}, {"ngf": 0}, {"attributes": 0}])
def test_specs_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        stargan.Spec(**wrong)
