"""The same networks and the same training step in PyTorch, timed on request over pipes.

`benchmarks.peer` starts this file with an interpreter that has PyTorch, and takes turns with
it: a request names what to run once, the answer says how many seconds that took. It imports nothing
of ganc. Convolutions run in the memory format, plain or channels last, that is faster for the
request at hand; it is found out at the first request.

Reference: Li et al. 2020 (arXiv 2003.08936) for networks and objective: a dense ResNet teacher, a
ResNet with separable blocks whose weights are sliced to an architecture of eight entries, PatchGAN.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Net(nn.Module):
    """A bag of convolutions, each applied at the widths that the caller asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()

    def add(self, name: str, *shape: int, biases: int = 0) -> None:
        """Weights N(0, 0.02) and biases 0; there are as many of these as outputs."""
        self.weights[name] = nn.Parameter(0.02 * torch.randn(shape))
        self.biases[name] = nn.Parameter(torch.zeros(biases or shape[0]))

    def conv(self, x: Tensor, name: str, out: int, stride: int = 1, pad: int = 0) -> Tensor:
        """A dense convolution with the first `out` filters."""
        weight = self.weights[name][:out, : x.shape[1]]
        return F.conv2d(x, weight, self.biases[name][:out], stride, pad)

    def depthwise(self, x: Tensor, name: str) -> Tensor:
        """A filter of its own for every channel of `x`."""
        n = x.shape[1]
        return F.conv2d(x, self.weights[name][:n], self.biases[name][:n], groups=n)

    def up(self, x: Tensor, name: str, out: int) -> Tensor:
        """A transposed convolution that doubles the resolution."""
        weight = self.weights[name][: x.shape[1], :out]
        return F.conv_transpose2d(x, weight, self.biases[name][:out], 2, 1, 1)


def reflect(x: Tensor, pad: int) -> Tensor:
    """Reflects `pad` pixels on every side."""
    return F.pad(x, (pad,) * 4, mode="reflect")


def normed(x: Tensor) -> Tensor:
    """Instance norm and ReLU."""
    return F.relu(F.instance_norm(x))


class ResNet(Net):
    """The generator; `separable` is the mobile variant."""

    def __init__(self, ngf: int, blocks: int, separable: bool) -> None:
        super().__init__()
        self.blocks, self.separable, self.full = blocks, separable, (ngf,) * 8
        trunk = 4 * ngf
        self.add("stem", ngf, 3, 7, 7)
        self.add("down1", 2 * ngf, ngf, 3, 3)
        self.add("down2", trunk, 2 * ngf, 3, 3)
        for i in range(2 * blocks):
            if separable:
                self.add(f"depthwise{i}", trunk, 1, 3, 3)
            size = 1 if separable else 3
            self.add(f"block{i}", trunk, trunk, size, size)
        self.add("up1", trunk, 2 * ngf, 3, 3, biases=2 * ngf)
        self.add("up2", 2 * ngf, ngf, 3, 3, biases=ngf)
        self.add("head", 3, ngf, 7, 7)

    def forward(self, x: Tensor, arch: Sequence[int] | None = None) -> tuple[Tensor, list[Tensor]]:
        """The picture and the four features that are distilled."""
        stem, down1, trunk, *inner, up1, up2 = arch or self.full
        x = normed(self.conv(reflect(x.clamp(-1, 1), 3), "stem", stem))
        x = normed(self.conv(x, "down1", 2 * down1, 2, 1))
        x = normed(self.conv(x, "down2", 4 * trunk, 2, 1))
        taps = [x]
        for i in range(self.blocks):
            y = normed(self.half(x, 2 * i, 4 * inner[3 * i // self.blocks]))
            x = x + F.instance_norm(self.half(y, 2 * i + 1, 4 * trunk))
            if (i + 1) % (self.blocks // 3) == 0:
                taps.append(x)
        x = normed(self.up(x, "up1", 2 * up1))
        x = normed(self.up(x, "up2", up2))
        return torch.tanh(self.conv(reflect(x, 3), "head", 3)), taps

    def half(self, x: Tensor, index: int, out: int) -> Tensor:
        """One of the two convolutions of a block."""
        x = reflect(x, 1)
        if self.separable:
            x = F.instance_norm(self.depthwise(x, f"depthwise{index}"))
        return self.conv(x, f"block{index}", out)


class Patch(Net):
    """PatchGAN with three strided layers."""

    def __init__(self, ndf: int) -> None:
        super().__init__()
        self.features = (ndf, 2 * ndf, 4 * ndf, 8 * ndf, 1)
        for i, (before, after) in enumerate(zip((3, *self.features), self.features, strict=False)):
            self.add(f"conv{i}", after, before, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        for i, (features, stride) in enumerate(zip(self.features, (2, 2, 2, 1, 1), strict=True)):
            x = self.conv(x, f"conv{i}", features, stride, 1)
            if 0 < i < 4:
                x = F.instance_norm(x)
            if i < 4:
                x = F.leaky_relu(x, 0.2)
        return x


def make_forward(net: ResNet, x: Tensor) -> Callable[[Sequence[int] | None], object]:
    """A forward pass as one deploys it."""

    def forward(arch: Sequence[int] | None) -> object:
        with torch.inference_mode():
            return net(x, arch)

    return forward


def cut(net: ResNet, arch: Sequence[int]) -> ResNet:
    """The network of `arch` alone, with contiguous weights."""
    stem, down1, trunk, *inner, up1, up2 = arch
    inners = [4 * inner[3 * i // net.blocks] for i in range(net.blocks)]
    ends = list(chain.from_iterable((width, 4 * trunk) for width in inners))
    starts = [4 * trunk, *ends[:-1]]
    shapes = {"stem": (stem, 3), "down1": (2 * down1, stem), "down2": (4 * trunk, 2 * down1)}
    shapes |= {f"block{i}": (o, s) for i, (s, o) in enumerate(zip(starts, ends, strict=True))}
    shapes |= {f"depthwise{i}": (s, 1) for i, s in enumerate(starts)}
    shapes |= {"up1": (4 * trunk, 2 * up1), "up2": (2 * up1, up2), "head": (3, up2)}
    small = ResNet(1, net.blocks, net.separable)
    small.full = tuple(arch)
    for name, (first, second) in shapes.items():
        out = second if name in ("up1", "up2") else first
        small.weights[name] = nn.Parameter(net.weights[name][:first, :second].clone())
        small.biases[name] = nn.Parameter(net.biases[name][:out].clone())
    return small


def make_step(asked: dict, place: Callable) -> Callable[[Sequence[int] | None], object]:
    """One step of once-for-all distillation, weights sliced to the architecture."""
    teacher = place(ResNet(*asked["teacher"], separable=False))
    student = place(ResNet(*asked["student"], separable=True))
    adaptors = Net()
    for i in range(4):
        adaptors.add(f"tap{i}", 4 * teacher.full[2], 4 * student.full[2], 1, 1)
    adaptors, judge = place(adaptors), place(Patch(asked["ndf"]))
    a, b = (place(torch.rand(1, 3, asked["size"], asked["size"]) * 2 - 1) for _ in "ab")
    players = [*student.parameters(), *adaptors.parameters()]
    optimizers = [
        torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))
        for parameters in (players, judge.parameters())
    ]

    def step(arch: Sequence[int] | None) -> object:
        with torch.no_grad():
            wanted, targets = teacher(a)
        fake, taps = student(a, arch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        judge.requires_grad_(False)
        loss = (judge(fake) - 1).square().mean() + 10 * (fake - wanted).abs().mean()
        for i, (tap, target) in enumerate(zip(taps, targets, strict=True)):
            mapped = adaptors.conv(tap, f"tap{i}", target.shape[1])
            loss = loss + 0.01 * F.mse_loss(mapped, target)
        loss.backward()
        judge.requires_grad_(True)
        logits = judge(torch.cat([b, fake.detach()]))
        (0.5 * ((logits[:1] - 1).square().mean() + logits[1:].square().mean())).backward()
        for optimizer in optimizers:
            optimizer.step()
        return float(loss.detach())

    return step


def make_calls(asked: dict, memory: torch.memory_format) -> dict[str, Callable]:
    """What can be asked for, by name, in one memory format."""

    def place(thing):
        return thing.to(device=asked["device"], memory_format=memory)

    x = place(torch.rand(1, 3, asked["size"], asked["size"]) * 2 - 1)
    small = cut(ResNet(*asked["student"], separable=True), asked["arch"])
    return {
        "teacher": make_forward(place(ResNet(*asked["teacher"], separable=False)), x),
        "student": make_forward(place(small), x),
        "step": make_step(asked, place),
    }


def timed(call: Callable, arch: Sequence[int] | None, asked: dict) -> float:
    """Seconds of one call, by the clock that is asked for."""
    clock = getattr(time, asked["clock"])
    start = clock()
    call(arch)
    if asked["device"] == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def main() -> None:
    """Answers requests until the pipe closes."""
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    torch.backends.cuda.matmul.allow_tf32 = True  # as XLA's default precision does
    torch.backends.cudnn.benchmark = True
    formats = [make_calls(asked, m) for m in (torch.contiguous_format, torch.channels_last)]
    chosen: dict[str, Callable] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name, arch = request["call"], request["arch"]
        if name not in chosen:
            trials = [min(timed(f[name], arch, asked) for _ in range(4)) for f in formats]
            chosen[name] = formats[trials.index(min(trials))][name]
        print(json.dumps(timed(chosen[name], arch, asked)), flush=True)


if __name__ == "__main__":
    main()
