"""The names of the GauGAN family in gan-compression.

Inferred from descriptions of the network, without a look at its code: Park et al. 2019 (arXiv
1903.07291), and the order of parameters in the forward fixtures of `tests/models/test_spade.py`.

Differs from the reference: its sliced generators keep running statistics of the full width, of
which only the first are used; `ganc.export.torch` leaves out the others.
"""

from collections.abc import Mapping

from ganc.export.layouts import Layer
from ganc.models.spade import BLOCKS, HIDDEN, TRUNK, Spec

_NORM = "param_free_norm"
_COCO = 184


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order."""
    blocks = (layer for name in BLOCKS for layer in _block(name, spec))
    return [Layer("fc", "fc"), *blocks, Layer("conv_img", "conv_img")]


def _theirs(block: str) -> str:
    return block.replace("middle", "G_middle")


def _suffixes(block: str) -> tuple[str, ...]:
    return ("0", "1", "s") if block.startswith("up") else ("0", "1")


def _block(block: str, spec: Spec) -> list[Layer]:
    kind = "spectral" if spec.spectral else "conv"
    theirs, suffixes = _theirs(block), _suffixes(block)
    convs = [Layer(f"{block}/conv_{s}", f"{theirs}.conv_{s}", kind) for s in suffixes]
    norms = [_norm(f"{block}/norm_{s}", f"{theirs}.norm_{s}", spec.separable) for s in suffixes]
    return [*convs, *(layer for norm in norms for layer in norm)]


def _norm(ours: str, theirs: str, separable: bool) -> list[Layer]:
    result = [
        Layer(f"{ours}/normal", f"{theirs}.{_NORM}", "norm"),
        Layer(f"{ours}/shared", f"{theirs}.mlp_shared.0"),
    ]
    for name in ("gamma", "beta"):
        if separable:
            result.append(Layer(f"{ours}/{name}_depthwise", f"{theirs}.mlp_{name}.conv.0"))
            result.append(Layer(f"{ours}/{name}_pointwise", f"{theirs}.mlp_{name}.conv.2"))
        else:
            result.append(Layer(f"{ours}/{name}", f"{theirs}.mlp_{name}"))
    return result


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one.

    Nothing in a state dict tells how often the resolution is doubled: `upsampling` is "normal" for
    the 184 channels of COCO-Stuff and "more" for all others, as in the published models.
    """
    spectral = "head_0.conv_0.weight_orig" in shapes
    weight = "weight_orig" if spectral else "weight"
    places = {"fc.weight": TRUNK}
    places |= {f"{_theirs(block)}.conv_0.{weight}": times for block, times in BLOCKS.items()}
    shared = "norm_0.mlp_shared.0.weight"
    places |= {f"{_theirs(block)}.{shared}": HIDDEN for block in BLOCKS}
    if any(len(shapes.get(name, ())) != 4 for name in places):
        return None
    # Statistics that are wider than the weights tell the full width.
    statistics = f"norm_1.{_NORM}.running_mean"
    places |= {f"{_theirs(block)}.{statistics}": times for block, times in BLOCKS.items()}
    ngf = max(-(-(*shapes.get(name, ()), 0)[0] // times) for name, times in places.items())
    labels = shapes["fc.weight"][1]
    spec = Spec(
        ngf=max(ngf, 1),
        labels=max(labels, 1),
        separable="head_0.norm_0.mlp_gamma.conv.0.weight" in shapes,
        upsampling="normal" if labels == _COCO else "more",
        spectral=spectral,
    )
    return spec, layers(spec)
