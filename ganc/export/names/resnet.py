"""The names of the ResNet family in pytorch-CycleGAN-and-pix2pix, gan-compression and GAN Slimming.

All have one `nn.Sequential` called `model`. gan-compression, and OMGD after it, keeps a dropout of
rate 0 in every residual block, as pytorch-CycleGAN-and-pix2pix does when asked for dropout: the
second convolution then stands one place later.
"""

from collections.abc import Mapping

from ganc.errors import UserError
from ganc.export.layouts import Layer
from ganc.models.resnet import Norm, Spec

_FIRST_BLOCK = 10


def layers(spec: Spec, dropout: bool | None = None) -> list[Layer]:
    """All layers, in PyTorch's order.

    Args:
        spec: the member of the family.
        dropout: whether the blocks hold a dropout; by default the separable ones do, which only
            gan-compression and OMGD have, and the dense ones do not.

    Raises:
        UserError: it resizes before it convolves, for which PyTorch's projects have no names.
    """
    if spec.upsampling != "transposed":
        raise UserError(
            "PyTorch's projects have names for ResNets with transposed convolutions alone, this "
            f"one has --upsampling {spec.upsampling}"
        )
    dropout = spec.separable if dropout is None else dropout
    end = _FIRST_BLOCK + spec.blocks
    return [
        *_with_norm("stem", "model.1", "model.2"),
        *_with_norm("down1", "model.4", "model.5"),
        *_with_norm("down2", "model.7", "model.8"),
        *(layer for i in range(spec.blocks) for layer in _block(spec, i, dropout)),
        *_with_norm("up1", f"model.{end}", f"model.{end + 1}", transposed=True),
        *_with_norm("up2", f"model.{end + 3}", f"model.{end + 4}", transposed=True),
        Layer("head", f"model.{end + 7}"),
    ]


def _with_norm(ours: str, conv: str, norm: str, transposed: bool = False) -> list[Layer]:
    return [
        Layer(ours, conv, "transposed" if transposed else "conv"),
        Layer(f"{ours}_norm", norm, "norm"),
    ]


def _block(spec: Spec, index: int, dropout: bool) -> list[Layer]:
    second = 6 if dropout else 5
    result = []
    for number, place in ((1, 1), (2, second)):
        ours, theirs = f"block{index}/conv{number}", f"model.{_FIRST_BLOCK + index}.conv_block"
        if spec.separable:
            result.append(Layer(f"{ours}_depthwise", f"{theirs}.{place}.conv.0"))
            result.append(Layer(f"{ours}_pointwise", f"{theirs}.{place}.conv.2"))
        else:
            result.append(Layer(ours, f"{theirs}.{place}"))
        result.append(Layer(f"{ours}_norm", f"{theirs}.{place + 1}", "norm"))
    return result


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    separable = f"model.{_FIRST_BLOCK}.conv_block.1.conv.2.weight" in shapes
    inside = "1.conv.2.weight" if separable else "1.weight"
    blocks = 0
    while f"model.{_FIRST_BLOCK + blocks}.conv_block.{inside}" in shapes:
        blocks += 1
    if blocks < 3 or blocks % 3:
        return None
    end = _FIRST_BLOCK + blocks
    # Name -> axis of the width and its multiple of the base width.
    places = {"model.1.weight": (0, 1), "model.4.weight": (0, 2), "model.7.weight": (0, 4)}
    places |= {f"model.{i}.conv_block.{inside}": (0, 4) for i in range(_FIRST_BLOCK, end)}
    places |= {f"model.{end}.weight": (1, 2), f"model.{end + 3}.weight": (1, 1)}
    if any(len(shapes.get(name, ())) != 4 for name in places):
        return None
    ngf = max(-(-shapes[name][axis] // times) for name, (axis, times) in places.items())
    spec = Spec(max(ngf, 1), blocks, separable, _norm(shapes))
    second = f"model.{_FIRST_BLOCK}.conv_block.6.{'conv.2.' if separable else ''}weight"
    # Without dropout, a norm stands there, whose weight has one axis.
    return spec, layers(spec, dropout=len(shapes.get(second, ())) == 4)


def _norm(shapes: Mapping[str, tuple[int, ...]]) -> Norm:
    if "model.2.weight" not in shapes:
        return "instance"
    if "model.2.running_mean" in shapes:
        return "batch"
    return "affine" if "model.8.weight" in shapes else "slimming"
