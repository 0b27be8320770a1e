"""The names of the U-Net family in pytorch-CycleGAN-and-pix2pix, whose stages are nested.

OMGD's deeper U-Net was published without weights, and its names are not known here: only plain
U-Nets can be exchanged.
"""

from collections.abc import Mapping

from ganc.errors import UserError
from ganc.export.layouts import Layer
from ganc.models.unet import Spec


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order: down to the innermost stage, and up again.

    Raises:
        UserError: `spec` is of a deeper U-Net.
    """
    if spec.deeper:
        raise UserError(f"a deeper U-Net has no known names in PyTorch, {spec} cannot be exchanged")
    last = spec.downs - 1
    encoder, decoder = (
        [Layer("enc0", "model.model.0")],
        [Layer("dec0", "model.model.3", "transposed")],
    )
    for i in range(1, spec.downs):
        stage, up = _stage(i), 3 if i == last else 5
        encoder.append(Layer(f"enc{i}", f"{stage}.1"))
        if i < last:
            encoder.append(Layer(f"enc{i}_norm", f"{stage}.2", "norm"))
        decoder.append(Layer(f"dec{i}_norm", f"{stage}.{up + 1}", "norm"))
        decoder.append(Layer(f"dec{i}", f"{stage}.{up}", "transposed"))
    return encoder + decoder[::-1]


def _stage(i: int) -> str:
    return ".".join(["model.model.1.model", *["3.model"] * (i - 1)])


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    downs = 1
    while f"{_stage(downs)}.1.weight" in shapes:
        downs += 1
    if downs < 5:
        return None
    norm = "batch" if f"{_stage(1)}.2.weight" in shapes else "instance"
    least = Spec(1, downs, norm)
    times = {slot.name: slot.groups[slot.name] for slot in least.slots()}
    ngf = 1
    for layer in layers(least):
        if layer.kind == "norm" or layer.ours not in times:
            continue
        shape = shapes.get(f"{layer.theirs}.weight", ())
        if len(shape) != 4:
            return None
        ngf = max(ngf, -(-shape[layer.kind == "transposed"] // times[layer.ours]))
    spec = Spec(ngf, downs, norm)
    return spec, layers(spec)
