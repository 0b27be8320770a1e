"""MUNIT against PyTorch functions that read gan-compression's state dict."""

import jax
import numpy as np
import pytest

from ganc import channels
from ganc.export import layouts
from ganc.export import torch as checkpoints
from ganc.export.names import munit as names
from ganc.models import munit
from ganc.models.flat import flatten, params_sha256

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")
functional = torch.nn.functional


def reflect(x, pad):
    return functional.pad(x, (pad,) * 4, mode="reflect")


class Reference:
    """The generator of a state dict of names and numpy arrays."""

    def __init__(self, arrays, spec):
        self.arrays = {name: torch.tensor(array) for name, array in arrays.items()}
        self.spec = spec

    def conv(self, x, name, stride=1, pad=0, groups=1):
        weight, bias = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]
        return functional.conv2d(reflect(x, pad), weight, bias, stride, groups=groups)

    def mobile(self, x, name, pad):
        if not self.spec.separable:
            return self.conv(x, f"{name}.conv", pad=pad)
        x = self.conv(x, f"{name}.conv.conv.0", pad=pad, groups=x.shape[1])
        return self.conv(functional.instance_norm(x), f"{name}.conv.conv.2")

    def blocks(self, x, name, norm):
        for i in range(self.spec.blocks):
            y = torch.relu(norm(self.mobile(x, f"{name}.model.{i}.model.0", 1)))
            x = x + norm(self.mobile(y, f"{name}.model.{i}.model.1", 1))
        return x

    def style(self, x):
        for i in range(5):
            stride, pad = (2, 1) if i else (1, 3)
            x = torch.relu(self.conv(x, f"enc_style.model.{i}.conv", stride, pad))
        return self.conv(functional.adaptive_avg_pool2d(x, 1), "enc_style.model.6").flatten(1)

    def content(self, x):
        for i in range(self.spec.downs + 1):
            stride, pad = (2, 1) if i else (1, 3)
            x = self.conv(x, f"enc_content.model.{i}.conv", stride, pad)
            x = torch.relu(functional.instance_norm(x))
        return self.blocks(x, f"enc_content.model.{self.spec.downs + 1}", functional.instance_norm)

    def adaptive(self, style):
        for i in range(3):
            name = f"mlp.model.{i}.fc"
            style = functional.linear(
                style, self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]
            )
            style = torch.relu(style) if i < 2 else style
        return style

    def decode(self, content, style):
        rest = self.adaptive(style)

        def norm(x):
            nonlocal rest
            (shift, scale), rest = (
                rest[:, : 2 * x.shape[1]].split(x.shape[1], 1),
                rest[:, 2 * x.shape[1] :],
            )
            y = functional.instance_norm(x)
            return y * scale[..., None, None] + shift[..., None, None]

        x = self.blocks(content, "dec.model.0", norm)
        assert rest.numel() == 0
        for i in range(1, self.spec.downs + 1):
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = self.mobile(x, f"dec.model.{2 * i}", 2)
            flat = x.flatten(1)
            mean, deviation = flat.mean(1), flat.std(1)
            x = (x - mean[:, None, None, None]) / (deviation[:, None, None, None] + 1e-5)
            gamma, beta = (self.arrays[f"dec.model.{2 * i}.norm.{n}"] for n in ("gamma", "beta"))
            x = torch.relu(x * gamma[:, None, None] + beta[:, None, None])
        return torch.tanh(self.conv(x, f"dec.model.{2 * self.spec.downs + 1}.conv", pad=3))


def pictures(size):
    return np.random.default_rng(1).uniform(-1, 1, (2, *size, 3)).astype(np.float32)


def to_torch(x):
    return torch.tensor(np.asarray(x).transpose(0, 3, 1, 2))


def to_numpy(x):
    return x.numpy().transpose(0, 2, 3, 1)


def test_a_separable_generator_of_unequal_widths(random_params):
    spec = munit.Spec(4, separable=True, blocks=2, mlp_dim=8)
    generator = munit.generator(spec)
    entries = (2, 3, 4, 2, 3, 4, 3, 2)
    widths = {
        group: entry * times
        for slot, entry in zip(generator.slots, entries, strict=True)
        for group, times in slot.groups.items()
    }

    class Narrow:
        @staticmethod
        def init(key):
            return generator.init(key, widths)

    params = random_params(Narrow, scale=0.3)
    x, given = pictures((32, 48)), np.random.default_rng(2).normal(size=(2, 8)).astype(np.float32)

    @jax.jit
    def ours(params, x, style):
        output = generator.apply(params, x, style=style)
        return output.image, output.taps["content"], munit.encode_style(generator, params, x)

    image, content, style = ours(params, x, given)
    reference = Reference(layouts.to_torch(flatten(params), names.layers(spec)), spec)
    expected = reference.content(to_torch(x))
    np.testing.assert_allclose(content, to_numpy(expected), atol=1e-4)
    np.testing.assert_allclose(style, reference.style(to_torch(x)).numpy(), atol=1e-4)
    expected = to_numpy(reference.decode(expected, torch.tensor(given)))
    assert expected.std() > 0.1
    np.testing.assert_allclose(image, expected, atol=1e-4)


def test_files_go_both_ways(random_params, tmp_path):
    generator = munit.generator(munit.Spec(4, separable=True, blocks=2, mlp_dim=8))
    keep = channels.prefix({"style4": 12, "content_block1": 4, "trunk": 8, "up2": 3})
    params = channels.slice_params(random_params(generator), generator.axes, keep)
    checkpoints.save(tmp_path / "net.pth", generator, params)
    found = checkpoints.load(tmp_path / "net.pth")
    assert found.generator.spec == generator.spec and found.arch is None
    assert params_sha256(found.params) == params_sha256(params)
