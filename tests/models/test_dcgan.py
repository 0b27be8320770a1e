import jax
import numpy as np
import pytest

from ganc.export import layouts
from ganc.export.names import dcgan as names
from ganc.models import dcgan
from ganc.models.flat import flatten

SPEC = dcgan.Spec(4, 8, 32)
JUDGE = dcgan.DiscriminatorSpec(4, 32)


def sequential(spec):
    nn = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'").nn
    widths = [spec.ngf * 2**i for i in range(spec.stages)][::-1]
    parts, before = [], spec.noise
    for i, width in enumerate(widths):
        stride = (2, 1) if i else (1, 0)
        parts += [nn.ConvTranspose2d(before, width, 4, *stride, bias=False)]
        parts += [nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*parts, nn.ConvTranspose2d(before, 3, 4, 2, 1, bias=False), nn.Tanh())


def load(module, arrays, prefix=""):
    import torch

    state = {name.removeprefix(prefix): torch.from_numpy(a.copy()) for name, a in arrays.items()}
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected and all("num_batches" in name for name in missing)
    return module.eval()


def test_equals_pytorch(random_params):
    module = sequential(SPEC)
    import torch

    generator = dcgan.generator(SPEC)
    params = random_params(generator, scale=0.3)
    load(module, layouts.to_torch(flatten(params), names.layers(SPEC)), "main.")
    noise = np.random.default_rng(0).standard_normal((2, SPEC.noise), np.float32)
    with torch.no_grad():
        theirs = module(torch.from_numpy(noise)[:, :, None, None]).numpy().transpose(0, 2, 3, 1)
    ours = generator.apply(params, np.zeros((2, 32, 32, 3), np.float32), noise=noise).image
    assert np.std(theirs) > 0.05
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    shapes = {f"main.{name}": tuple(a.shape) for name, a in module.state_dict().items()}
    spec, _ = names.recognise(shapes) or (None, None)
    assert spec == SPEC


def test_the_discriminator_equals_pytorch(random_params):
    nn = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'").nn
    import torch

    judge = dcgan.discriminator(JUDGE)
    params = random_params(judge)
    parts, found = [], []
    for i, (before, width) in enumerate(((3, 4), (4, 8), (8, 16))):
        found.append(layouts.Layer(f"conv{i}", str(len(parts))))
        parts.append(nn.Conv2d(before, width, 4, 2, 1, bias=False))
        if i:
            found.append(layouts.Layer(f"conv{i}_norm", str(len(parts)), "norm"))
            parts.append(nn.BatchNorm2d(width))
        parts.append(nn.LeakyReLU(0.2))
    found.append(layouts.Layer("conv3", str(len(parts))))
    module = nn.Sequential(*parts, nn.Conv2d(16, 1, 4, 1, 0, bias=False))
    load(module, layouts.to_torch(flatten(params), found))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    with torch.no_grad():
        theirs = module(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    logits = judge.apply(params, x).logits
    assert logits.shape == (2, 1, 1, 1)
    np.testing.assert_allclose(logits, theirs, atol=1e-5)


def test_the_published_size_of_the_discriminator():
    # PyTorch's example: 4x4 kernels 3 x 64 x 128 x 256 x 512 x 1 and the norms of three of them.
    shapes = jax.eval_shape(dcgan.discriminator(dcgan.DiscriminatorSpec()).init, jax.random.key(0))
    learned = {k: v for k, v in flatten_shapes(shapes).items() if not k.endswith(("mean", "var"))}
    assert sum(np.prod(shape) for shape in learned.values()) == 2_765_568


def flatten_shapes(shapes):
    from flax.traverse_util import flatten_dict

    return {path: leaf.shape for path, leaf in flatten_dict(shapes, sep="/").items()}


def test_initial_weights(key):
    params = dcgan.generator(SPEC).init(key)
    for path, array in flatten(params).items():
        expected = {"kernel": (0, 0.02), "scale": (1, 0.02), "bias": (0, 0)}
        if path.rpartition("/")[2] in expected:
            mean, deviation = expected[path.rpartition("/")[2]]
            error = 5 * 0.02 / np.sqrt(array.size)
            assert abs(array.mean() - mean) < error + 1e-9, path
            assert abs(array.std() - deviation) < error + 1e-9, path


def test_noise_and_nothing_else_decides(random_params):
    generator = dcgan.generator(SPEC)
    params, rng = random_params(generator), np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 2, 32, 32, 3)).astype(np.float32)
    noise = rng.standard_normal((2, SPEC.noise), np.float32)
    draw = jax.jit(lambda x, **more: generator.apply(params, x, **more).image)
    np.testing.assert_array_equal(draw(x, noise=noise), draw(y, noise=noise))
    assert np.abs(draw(x) - draw(y)).max() > 1e-3  # without any, the picture's own numbers
    with pytest.raises(ValueError, match="it draws 32 px, asked were 64x64"):
        generator.apply(params, np.zeros((1, 64, 64, 3), np.float32))


@pytest.mark.parametrize("wrong", [{"side": 48}, {"side": 8}, {"noise": 0}, {"ngf": 0}])
def test_specs_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        dcgan.Spec(**wrong)
