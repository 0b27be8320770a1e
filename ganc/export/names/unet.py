"""The names of the U-Net family in pytorch-CycleGAN-and-pix2pix, whose stages are nested.

OMGD's deeper U-Net has been published as code alone, without weights, and its names are not known
here: only plain U-Nets can be exchanged.
"""

from collections.abc import Iterator, Mapping

from ganc.errors import UserError
from ganc.export.layouts import Layer, names
from ganc.models.unet import Spec

# What a batch norm counts, and what instance norms of old PyTorch versions have measured in vain.
_IGNORED = ("num_batches_tracked", "running_mean", "running_var")


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order.

    Instance norms have none: the statistics which old files hold for them are not read.

    Raises:
        UserError: `spec` is of a deeper U-Net.
    """
    if spec.deeper:
        raise UserError(
            "the layers of a U-Net in PyTorch are known if it is not deeper, got deeper"
        )
    return list(_layers(spec.downs, spec.norm == "batch"))


def _layers(downs: int, normed: bool) -> Iterator[Layer]:
    last, decoder = downs - 1, []
    for i in range(downs):
        stage = ".".join(["model.model", *(["1.model"] if i else []), *["3.model"] * (i - 1)])
        down, up = (0, 3) if i == 0 else (1, 3) if i == last else (1, 5)
        yield Layer(f"enc{i}", f"{stage}.{down}")
        if normed and 0 < i < last:
            yield Layer(f"enc{i}_norm", f"{stage}.2", "norm")
        if normed and i > 0:
            decoder.append(Layer(f"dec{i}_norm", f"{stage}.{up + 1}", "norm"))
        decoder.append(Layer(f"dec{i}", f"{stage}.{up}", "transposed"))
    yield from reversed(decoder)


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    downs, stage = 1, "model.model.1.model"
    while f"{stage}.1.weight" in shapes:
        downs, stage = downs + 1, f"{stage}.3.model"
    normed, biased = (f"model.model.{name}" in shapes for name in ("1.model.2.weight", "0.bias"))
    if downs < 5 or normed == biased:
        return None
    found = list(_layers(downs, normed))
    known, widths = set(names(found).values()), _widths(found, shapes)
    if widths is None or any(n not in known and not n.endswith(_IGNORED) for n in shapes):
        return None
    times = {slot.name: slot.groups[slot.name] for slot in Spec(1, downs).slots()}
    ngf = max(-(-widths[stage] // k) for stage, k in times.items())
    return Spec(ngf, downs, "batch" if normed else "instance"), found


def _widths(found: list[Layer], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int] | None:
    # The width of every stage, if all kernels are there and fit each other.
    kernels = {x.ours: shapes.get(f"{x.theirs}.weight", ()) for x in found if x.kind != "norm"}
    if any(len(shape) != 4 or shape[2:] != (4, 4) for shape in kernels.values()):
        return None
    widths = {stage: s[0 if stage.startswith("enc") else 1] for stage, s in kernels.items()}
    taken = {stage: s[1 if stage.startswith("enc") else 0] for stage, s in kernels.items()}
    for stage, channels in taken.items():
        i = int(stage[3:])
        if stage.startswith("enc"):
            given = widths[f"enc{i - 1}"] if i else 3
        else:
            given = widths[f"enc{i}"] + widths.get(f"dec{i + 1}", 0)
        if channels != given or (stage == "dec0" and widths[stage] != 3):
            return None
    return widths
