"""The names of the MUNIT family in gan-compression: full, mobile, exported and assembled models."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ganc.export.layouts import Layer
from ganc.models.munit import Spec

_STYLE_CONVOLUTIONS = 5


def layers(spec: Spec) -> list[Layer]:
    """All layers, in PyTorch's order."""
    content, decoder, downs = "enc_content.model", "dec.model", spec.downs
    result = [
        *(_conv(f"style/conv{i}", f"enc_style.model.{i}") for i in range(_STYLE_CONVOLUTIONS)),
        # A global mean comes between them.
        Layer("style/head", f"enc_style.model.{_STYLE_CONVOLUTIONS + 1}"),
        *(_conv(f"content/conv{i}", f"{content}.{i}") for i in range(downs + 1)),
        *_blocks(spec, "content", f"{content}.{downs + 1}"),
        *_blocks(spec, "decoder", f"{decoder}.0"),
    ]
    for i in range(1, downs + 1):
        # An up-sampling comes before each; PyTorch registers a block's norm before its convolution.
        ours, theirs = f"decoder/up{i}", f"{decoder}.{2 * i}"
        result += [Layer(f"{ours}_norm", f"{theirs}.norm", "gamma")]
        result += _convs(spec, ours, theirs)
    return [
        *result,
        _conv("decoder/head", f"{decoder}.{2 * downs + 1}"),
        *(Layer(f"mlp/linear{i}", f"mlp.model.{i}.fc", "linear") for i in range(3)),
    ]


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Spec, list[Layer]] | None:
    """The member of the family that a state dict of these names and shapes holds, if it is one."""
    separable = "dec.model.2.conv.conv.0.weight" in shapes
    block = "dec.model.0.model.{}.model.0.conv" + (".conv.0" if separable else "") + ".weight"
    downs = _count(shapes, "enc_content.model.{}.conv.weight") - 1
    if len(hidden := shapes.get("mlp.model.0.fc.weight", ())) != 2:
        return None
    try:
        spec = Spec(1, separable, downs, _count(shapes, block), hidden[1], hidden[0])
    except ValueError:
        return None
    times = {group: n for slot in spec.slots() for group, n in slot.groups.items()}
    found = layers(spec)
    theirs = {layer.ours: layer.theirs for layer in found}
    bases = (
        -(-width // times[group])
        for group, layer in _producers(spec)
        for width in shapes.get(f"{theirs[layer]}.bias", ())[:1]
    )
    return replace(spec, ngf=max(1, *bases)), found


def _producers(spec: Spec) -> Iterator[tuple[str, str]]:
    """Every channel group and the layer that it is the output of."""
    last = "_pointwise" if spec.separable else ""
    yield from ((f"style{i}", f"style/conv{i}") for i in range(_STYLE_CONVOLUTIONS))
    yield from ((group, f"content/conv{i}") for i, group in enumerate(spec.encoder_groups))
    for part in ("content", "decoder"):
        for i, group in enumerate(spec.blocks_of(part)):
            yield group, f"{part}/block{i}/conv1{last}"
    yield from ((group, f"decoder/{group}{last}") for group in spec.decoder_groups)


def _count(shapes: Mapping[str, tuple[int, ...]], name: str) -> int:
    """How many of the names with 0, 1, ... in place of the braces there are, without a gap."""
    count = 0
    while name.format(count) in shapes:
        count += 1
    return count


def _conv(ours: str, theirs: str) -> Layer:
    return Layer(ours, f"{theirs}.conv")


def _convs(spec: Spec, ours: str, theirs: str) -> list[Layer]:
    if not spec.separable:
        return [_conv(ours, theirs)]
    return [
        Layer(f"{ours}_depthwise", f"{theirs}.conv.conv.0"),
        Layer(f"{ours}_pointwise", f"{theirs}.conv.conv.2"),
    ]


def _blocks(spec: Spec, ours: str, theirs: str) -> list[Layer]:
    return [
        layer
        for i in range(spec.blocks)
        for j in range(2)
        for layer in _convs(spec, f"{ours}/block{i}/conv{j + 1}", f"{theirs}.model.{i}.model.{j}")
    ]
