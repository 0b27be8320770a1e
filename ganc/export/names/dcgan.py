"""The names of DCGAN's generator in PyTorch's own example."""

from collections.abc import Mapping

from ganc.export.layouts import Layer
from ganc.models.dcgan import Spec


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order; an activation follows each norm."""
    found = []
    for i in range(spec.stages):
        found.append(Layer(f"stage{i}", f"main.{3 * i}", "transposed"))
        found.append(Layer(f"stage{i}_norm", f"main.{3 * i + 1}", "norm"))
    return [*found, Layer("head", f"main.{3 * spec.stages}", "transposed")]


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    stages = 0
    while len(shapes.get(f"main.{3 * stages}.weight", ())) == 4:
        stages += 1
    ends = [shapes.get(f"main.{3 * i}.weight", ()) for i in (0, stages - 1)]
    # The last one makes the picture: transposed kernels have their outputs second.
    if stages < 3 or any(shape[2:] != (4, 4) for shape in ends) or ends[1][1] != 3:
        return None
    stages -= 1
    widths = [shapes[f"main.{3 * i}.weight"][1] for i in range(stages)]
    ngf = max(-(-width // 2 ** (stages - 1 - i)) for i, width in enumerate(widths))
    spec = Spec(ngf, ends[0][0], 4 * 2**stages)
    return spec, layers(spec)
