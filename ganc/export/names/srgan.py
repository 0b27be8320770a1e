"""Names of SRGAN's generator in PyTorch.

The publication's own weights are not of PyTorch. These are the names that the network has when its
stages are modules of PyTorch by the same names as here, and nothing else claims to be them.
"""

from collections.abc import Mapping

from ganc.export.layouts import Layer
from ganc.models.resnet import thirds
from ganc.models.srgan import Spec


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order."""
    blocks = [name for part in thirds(spec.blocks) for name in part]
    found = [Layer("stem", "stem.conv"), Layer("stem_prelu", "stem.prelu", "prelu")]
    for name in blocks:
        found += _half(name, 1)
        found.append(Layer(f"{name}_prelu", f"{name}.prelu", "prelu"))
        found += _half(name, 2)
    found += [Layer("merge", "merge.conv"), Layer("merge_norm", "merge.bn", "norm")]
    for up in spec.ups:
        found.append(Layer(up, f"{up}.conv", "shuffled"))
        found.append(Layer(f"{up}_prelu", f"{up}.prelu", "prelu"))
    return [*found, Layer("head", "head.conv")]


def _half(name: str, half: int) -> list[Layer]:
    ours = f"{name}_conv{half}"
    return [Layer(ours, f"{name}.conv{half}"), Layer(f"{ours}_norm", f"{name}.bn{half}", "norm")]


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    blocks = 0
    while f"block{blocks}.prelu.weight" in shapes:
        blocks += 1
    if blocks < 3 or len(shapes.get("up1.conv.weight", ())) != 4:
        return None
    inner = [shapes[f"block{i}.conv1.weight"][0] for i in range(blocks)]
    ups = [
        shapes[name][0] // 4 for name in ("up1.conv.weight", "up2.conv.weight") if name in shapes
    ]
    ngf = max(shapes["merge.conv.weight"][0], *inner, *ups)
    spec = Spec(ngf, blocks, 4 if len(ups) == 2 else 2)
    return spec, layers(spec)
