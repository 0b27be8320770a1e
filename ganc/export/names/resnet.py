"""The names of the ResNet family in pytorch-CycleGAN-and-pix2pix, gan-compression and OMGD.

All have one `nn.Sequential` called `model`. gan-compression keeps a dropout of rate 0 in every
residual block, as the others do when they are built with dropout, so its second convolution stands
one place later.
"""

from ganc.export.layouts import Layer
from ganc.models.resnet import Spec

_FIRST_BLOCK = 10


def layers(spec: Spec, dropout: bool = True) -> list[Layer]:
    """All layers, in PyTorch's order."""
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
