import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc.export import layouts
from ganc.export.names import srgan as names
from ganc.models import srgan
from ganc.models.flat import flatten

SPEC = srgan.Spec(3, 3)


def pytorch(random_params, network, layers, scale=0.2):
    """The parameters of `network`, and PyTorch's by the names of `layers`."""
    torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
    params = random_params(network, scale=scale)
    arrays = layouts.to_torch(flatten(params), layers)
    return torch, params, {name: torch.from_numpy(a.copy()) for name, a in arrays.items()}


def test_equals_pytorch(random_params):
    generator, layers = srgan.generator(SPEC), names.layers(SPEC)
    torch, params, w = pytorch(random_params, generator, layers)
    f = torch.nn.functional

    def conv(x, name, pad=1):
        return f.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=pad)

    def norm(x, name):
        stats = [w[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return f.batch_norm(x, *stats)

    small = np.random.default_rng(0).uniform(-1, 1, (2, 5, 4, 3)).astype(np.float32)
    y = torch.from_numpy(small).permute(0, 3, 1, 2)
    y = start = f.prelu(conv(y, "stem.conv", 4), w["stem.prelu.weight"])
    for i in range(3):
        inner = norm(conv(y, f"block{i}.conv1"), f"block{i}.bn1")
        inner = f.prelu(inner, w[f"block{i}.prelu.weight"])
        y = y + norm(conv(inner, f"block{i}.conv2"), f"block{i}.bn2")
    y = start + norm(conv(y, "merge.conv"), "merge.bn")
    for up in ("up1", "up2"):
        y = f.prelu(f.pixel_shuffle(conv(y, f"{up}.conv"), 2), w[f"{up}.prelu.weight"])
    theirs = conv(y, "head.conv", 4).tanh().permute(0, 2, 3, 1).numpy()
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    ours = jax.jit(lambda p, x: generator.apply(p, x).image)(params, large)
    assert np.std(theirs) > 0.05
    np.testing.assert_allclose(ours, theirs, atol=1e-5)

    arrays = {name: array.numpy() for name, array in w.items()}
    found, back = names.recognise({name: a.shape for name, a in arrays.items()}) or (None, [])
    assert found == SPEC
    returned = layouts.from_torch(arrays, back)
    for path, array in flatten(params).items():
        np.testing.assert_array_equal(returned[path], array)


def test_the_discriminator_equals_pytorch(random_params):
    spec = srgan.DiscriminatorSpec(2, 16, 5)
    judge = srgan.discriminator(spec)
    layers = []
    for i in range(8):
        layers.append(layouts.Layer(f"conv{i}", f"conv{i}"))
        layers.append(layouts.Layer(f"conv{i}_norm", f"bn{i}", "norm"))
    layers += [layouts.Layer(name, name, "linear") for name in ("hidden", "logit")]
    torch, params, w = pytorch(random_params, judge, layers)
    f = torch.nn.functional
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    y = torch.from_numpy(x).permute(0, 3, 1, 2)
    for i in range(8):
        y = f.conv2d(y, w[f"conv{i}.weight"], w[f"conv{i}.bias"], stride=1 + i % 2, padding=1)
        if i:
            keys = ("running_mean", "running_var", "weight", "bias")
            y = f.batch_norm(y, *(w[f"bn{i}.{key}"] for key in keys))
        y = f.leaky_relu(y, 0.2)
    y = f.leaky_relu(f.linear(y.flatten(1), w["hidden.weight"], w["hidden.bias"]), 0.2)
    theirs = f.linear(y, w["logit.weight"], w["logit.bias"]).numpy()
    logits = jax.jit(lambda p, x: judge.apply(p, x).logits)(params, x)
    assert logits.shape == (2, 1, 1, 1)
    np.testing.assert_allclose(logits[:, 0, 0], theirs, atol=1e-5)


def test_initial_weights(key):
    params = srgan.generator(SPEC).init(key)
    for path, array in flatten_dict(params, sep="/").items():
        if path.endswith("kernel"):
            bound = (
                np.prod(array.shape[:3]) ** -0.5
            )  # what PyTorch draws when nobody says otherwise
            assert np.abs(array).max() <= bound and np.abs(array).max() > 0.8 * bound, path
        if path.endswith("slope"):
            np.testing.assert_array_equal(array, 0.25)
        if path.endswith("scale"):
            np.testing.assert_array_equal(array, 1)


@pytest.mark.parametrize("wrong", [{"blocks": 2}, {"ngf": 0}, {"scale": 3}])
def test_specs_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        srgan.Spec(**wrong)
