"""The names of StarGAN's generator in its released code."""

from collections.abc import Mapping

from ganc.export.layouts import Kind, Layer
from ganc.models.resnet import thirds
from ganc.models.stargan import Spec

_FIRST_BLOCK = 9


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order."""
    found = _pair("stem", 0) + _pair("down1", 3) + _pair("down2", 6)
    for i, group in enumerate(name for part in thirds(spec.blocks) for name in part):
        inside = f"main.{_FIRST_BLOCK + i}.main"
        for half in (1, 2):
            ours, place = f"{group}_conv{half}", 3 * (half - 1)
            found.append(Layer(ours, f"{inside}.{place}"))
            found.append(Layer(f"{ours}_norm", f"{inside}.{place + 1}", "affine"))
    end = _FIRST_BLOCK + spec.blocks
    found += _pair("up1", end, "transposed") + _pair("up2", end + 3, "transposed")
    return [*found, Layer("head", f"main.{end + 6}")]


def _pair(ours: str, place: int, kind: Kind = "conv") -> list[Layer]:
    return [
        Layer(ours, f"main.{place}", kind),
        Layer(f"{ours}_norm", f"main.{place + 1}", "affine"),
    ]


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    blocks = 0
    while f"main.{_FIRST_BLOCK + blocks}.main.3.weight" in shapes:
        blocks += 1
    stem = shapes.get("main.0.weight", ())
    end = _FIRST_BLOCK + blocks
    places = [3, 6, end, end + 3]
    found = [shapes.get(f"main.{place}.weight", ()) for place in places]
    if blocks < 3 or len(stem) != 4 or stem[1] < 4 or any(len(shape) != 4 for shape in found):
        return None
    inner = [shapes[f"main.{_FIRST_BLOCK + i}.main.0.weight"][0] for i in range(blocks)]
    widths = [(stem[0], 1), (found[0][0], 2), (found[1][0], 4), (found[2][1], 2), (found[3][1], 1)]
    ngf = max(-(-width // times) for width, times in widths + [(width, 4) for width in inner])
    spec = Spec(ngf, blocks, stem[1] - 3)
    return spec, layers(spec)
