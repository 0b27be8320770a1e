import jax
import numpy as np
import pytest

from ganc.export import layouts
from ganc.export.names import cartoon as names
from ganc.models import cartoon
from ganc.models.flat import flatten

SPEC = cartoon.Spec(ngf=2, blocks=3)


def test_equals_pytorch(random_params):
    torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
    f = torch.nn.functional
    generator = cartoon.generator(SPEC)
    # In double precision: the norms amplify the rounding of single precision to about 1e-5.
    params = jax.tree.map(np.float64, random_params(generator, scale=0.3))
    arrays = layouts.to_torch(flatten(params), names.layers(SPEC))
    w = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    def conv(x, name, pad=0, **options):
        x = f.pad(x, (pad,) * 4, mode="reflect") if pad else x
        return f.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **options)

    def norm(x, name):
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-9)
        return x * w[f"{name}.scale"][:, None, None] + w[f"{name}.shift"][:, None, None]

    def up(x, name):
        x = f.conv_transpose2d(
            x, w[f"{name}_1.weight"], w[f"{name}_1.bias"], 2, padding=1, output_padding=1
        )
        return conv(x, f"{name}_2", padding=1)

    x = np.random.default_rng(0).uniform(-1, 1, (1, 16, 12, 3))
    y = torch.from_numpy(x[..., ::-1].transpose(0, 3, 1, 2).copy())  # blue first
    y = norm(conv(y, "conv01_1", pad=3), "in01_1").relu()
    for i in ("02", "03"):
        y = conv(conv(y, f"conv{i}_1", stride=2, padding=1), f"conv{i}_2", padding=1)
        y = norm(y, f"in{i}_1").relu()
    for i in ("04", "05", "06"):
        inner = norm(conv(y, f"conv{i}_1", pad=1), f"in{i}_1").relu()
        y = y + norm(conv(inner, f"conv{i}_2", pad=1), f"in{i}_2")
    y = norm(up(y, "deconv01"), "in07_1").relu()
    y = norm(up(y, "deconv02"), "in08_1").relu()
    y = conv(y, "deconv03_1", pad=3).tanh().numpy().transpose(0, 2, 3, 1)[..., ::-1]
    with jax.enable_x64(True):
        found = jax.jit(lambda p, x: generator.apply(p, x).image)(params, x)
    assert np.std(y) > 0.1
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, y, atol=1e-10)


def test_the_published_names():
    layers = names.layers(cartoon.Spec())
    theirs = [layer.theirs for layer in layers]
    assert theirs[:3] == ["conv01_1", "in01_1", "conv02_1"]
    assert theirs[-3:] == ["deconv02_2", "in13_1", "deconv03_1"]
    assert "conv11_2" in theirs and "conv12_1" not in theirs


@pytest.mark.parametrize(("name", "value"), [("ngf", 0), ("blocks", 2)])
def test_specs_that_cannot_be_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value}"):
        cartoon.Spec(**{name: value})
