"""The names of CartoonGAN's released weights, as converted for PyTorch: conv01_1 to deconv03_1."""

from collections.abc import Mapping

from ganc.export.layouts import Layer
from ganc.models.cartoon import Spec

_FIRST_BLOCK = 4


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order."""
    end = _FIRST_BLOCK + spec.blocks
    blocks = [
        layer
        for i in range(spec.blocks)
        for half in (1, 2)
        for layer in _pair(f"block{i}_conv{half}", f"{_FIRST_BLOCK + i:02}_{half}")
    ]
    return [
        Layer("stem", "conv01_1", "from_bgr"),
        Layer("stem_norm", "in01_1", "scale"),
        Layer("down1_strided", "conv02_1"),
        Layer("down1", "conv02_2"),
        Layer("down1_norm", "in02_1", "scale"),
        Layer("down2_strided", "conv03_1"),
        Layer("down2", "conv03_2"),
        Layer("down2_norm", "in03_1", "scale"),
        *blocks,
        Layer("up1_strided", "deconv01_1", "transposed"),
        Layer("up1", "deconv01_2"),
        Layer("up1_norm", f"in{end:02}_1", "scale"),
        Layer("up2_strided", "deconv02_1", "transposed"),
        Layer("up2", "deconv02_2"),
        Layer("up2_norm", f"in{end + 1:02}_1", "scale"),
        Layer("head", "deconv03_1", "to_bgr"),
    ]


def _pair(ours: str, number: str) -> list[Layer]:
    return [Layer(ours, f"conv{number}"), Layer(f"{ours}_norm", f"in{number}", "scale")]


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    blocks = 0
    while f"conv{_FIRST_BLOCK + blocks:02}_2.weight" in shapes:
        blocks += 1
    ends = ("conv01_1", "conv02_1", "conv03_2", "deconv01_2", "deconv02_2", "deconv03_1")
    if blocks < 3 or any(len(shapes.get(f"{name}.weight", ())) != 4 for name in ends):
        return None
    times = {"conv01_1": 1, "conv02_1": 2, "conv02_2": 2, "conv03_1": 4, "conv03_2": 4}
    times |= {f"conv{_FIRST_BLOCK + i:02}_1": 4 for i in range(blocks)}
    times |= {"deconv01_2": 2, "deconv02_2": 1}
    widths = [(shapes.get(f"{name}.weight", (1,))[0], n) for name, n in times.items()]
    spec = Spec(max(-(-width // n) for width, n in widths), blocks)
    return spec, layers(spec)
