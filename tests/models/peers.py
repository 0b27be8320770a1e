"""OMGD's generators in PyTorch, nested as in pytorch-CycleGAN-and-pix2pix, to compare with."""

import numpy as np
import pytest

from ganc.export import layouts
from ganc.models.flat import flatten

PARTS = ("conv1", "conv2", "conv3", "conv4")


def pytorch():
    return pytest.importorskip("torch", reason="PyTorch is an extra: pip install '.[torch]'")


def norm_of(spec):
    nn = pytorch().nn
    return nn.BatchNorm2d if spec.norm == "batch" else nn.InstanceNorm2d


def residual(*body):
    nn = pytorch().nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(*body)

        def forward(self, x):
            return x + self.body(x)

    return Residual()


def expansion(spec, width):
    nn, norm, bias = pytorch().nn, norm_of(spec), spec.norm == "instance"
    return residual(
        *(nn.ReflectionPad2d(1), nn.Conv2d(width, 4 * width, 1, bias=bias), norm(4 * width)),
        *(nn.ReLU(), nn.Conv2d(4 * width, 4 * width, 3, bias=bias), norm(4 * width)),
        *(nn.ReLU(), nn.Conv2d(4 * width, width, 1, bias=bias), norm(width)),
        *(nn.ReLU(), nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width)),
    )


def unet(spec):
    """The U-Net; its LeakyReLU work in place, as the published ones do."""
    torch, norm, bias = pytorch(), norm_of(spec), spec.norm == "instance"
    nn, last, k = torch.nn, spec.downs - 1, {"kernel_size": 4, "stride": 2, "padding": 1}

    def blocks(i, width):
        return [expansion(spec, width) for _ in range(2)] if spec.deeper and i < last else []

    class Stage(nn.Module):
        def __init__(self, i):
            super().__init__()
            outer, inner = (spec.ngf * min(2**j, 8) for j in (max(i - 1, 0), i))
            body = [nn.LeakyReLU(0.2, inplace=True)] if i else []
            body += [nn.Conv2d(outer if i else 3, inner, bias=bias, **k)]
            body += [norm(inner)] if 0 < i < last else []
            body += blocks(i, inner) + ([Stage(i + 1)] if i < last else [])
            body += blocks(0, 2 * inner) if i == 0 else []
            both = inner if i == last else 2 * inner
            up = nn.ConvTranspose2d(both, outer if i else 3, bias=bias or not i, **k)
            body += [nn.ReLU(), up]
            body += [norm(outer), *blocks(i, outer)] if i else [nn.Tanh()]
            self.skipped = i > 0
            self.model = nn.Sequential(*body)

        def forward(self, x):
            return torch.cat([x, self.model(x)], 1) if self.skipped else self.model(x)

    net = nn.Module()
    net.model = Stage(0)
    net.forward = net.model.forward
    return net


def unet_layers(spec):
    """The names of its convolutions here, in the order of `unet`."""
    down, up = [], []
    for i in range(spec.downs):
        down += [f"enc{i}", *_expansions(spec.blocks(f"enc{i}"))]
        up = [f"dec{i}", *_expansions(spec.blocks(f"dec{i}")), *up]
        if i == 0 and spec.deeper:  # the last stage's blocks stand before its convolution
            up = [*up[1:], up[0]]
    return down + up


def deep_resnet(spec):
    nn, n, norm, bias = pytorch().nn, spec.ngf, norm_of(spec), spec.norm == "instance"

    def mobile(c):
        return [
            *(nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, groups=c), nn.InstanceNorm2d(c)),
            *(nn.Conv2d(c, c, 1), norm(c)),
        ]

    def mobiles(count):
        return [residual(*mobile(4 * n), nn.ReLU(), *mobile(4 * n)) for _ in range(count)]

    def resize(strided, c):
        second = nn.Conv2d(c, c, 3, padding=1, bias=bias)
        return [strided, norm(c), nn.ReLU(), expansion(spec, c), second, norm(c), nn.ReLU()]

    down = [nn.Conv2d(c // 2, c, 3, 2, 1, bias=bias) for c in (2 * n, 4 * n)]
    up = [nn.ConvTranspose2d(2 * c, c, 3, 2, 1, 1, bias=bias) for c in (2 * n, n)]
    half = spec.blocks // 2
    return nn.Sequential(
        *(nn.ReflectionPad2d(3), nn.Conv2d(3, n, 7, bias=bias), norm(n), nn.ReLU()),
        *(*resize(down[0], 2 * n), *resize(down[1], 4 * n)),
        *(*mobiles(half), expansion(spec, 4 * n), expansion(spec, 4 * n)),
        *(*mobiles(spec.blocks - half), *resize(up[0], 2 * n), *resize(up[1], n)),
        *(nn.ReflectionPad2d(3), nn.Conv2d(n, 3, 7), nn.Tanh()),
    )


def deep_resnet_layers(spec):
    def blocks(*numbers):
        parts = ("conv1_depthwise", "conv1_pointwise", "conv2_depthwise", "conv2_pointwise")
        return [f"block{i}/{part}" for i in range(*numbers) for part in parts]

    def resize(name, out):
        return [f"{name}_strided", *_expansions([f"{name}_block"]), out]

    half = spec.blocks // 2
    return [
        *("stem", *resize("down1", "down1"), *resize("down2", "down2"), *blocks(half)),
        *(*_expansions(["middle0", "middle1"]), *blocks(half, spec.blocks)),
        *(*resize("up1", "up1"), *resize("up2", "up2"), "head"),
    ]


def _expansions(blocks):
    return [f"{block}/{part}" for block in blocks for part in PARTS]


def fill(net, params, ours):
    """Gives `net` the parameters; its layers under both names, by the order of convolutions."""
    nn, layers, convolutions = pytorch().nn, [], iter(ours)
    for theirs, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            layers.append(layouts.Layer(next(convolutions), theirs))
        elif isinstance(module, nn.ConvTranspose2d):
            layers.append(layouts.Layer(next(convolutions), theirs, "transposed"))
        elif isinstance(module, nn.BatchNorm2d):
            name = layers[-1].ours.replace("_pointwise", "")
            layers.append(layouts.Layer(f"{name}_norm", theirs, "norm"))
    assert next(convolutions, None) is None
    load(net, params, layers)
    return layers


def load(net, params, layers):
    """Gives `net` the parameters; all of them must find a place, and every place one."""
    torch, flat = pytorch(), flatten(params)
    arrays = layouts.to_torch(flat, layers)
    assert len(arrays) == len(flat)
    state = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)


def apply(net, x, train=False):
    """The pictures of `net` (b h w c), in double precision.

    In single precision, the deeper networks of PyTorch are 1e-4 off themselves.
    """
    torch = pytorch()
    with torch.no_grad():
        y = net.double().train(train)(torch.from_numpy(np.float64(x.transpose(0, 3, 1, 2))))
    return y.numpy().transpose(0, 2, 3, 1)


def statistics(net, layers):
    """The running statistics of `net`, by their paths here."""
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    flat = layouts.from_torch(arrays, layers)
    return {name: array for name, array in flat.items() if name.endswith(("/mean", "/var"))}
