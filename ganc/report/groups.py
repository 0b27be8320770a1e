"""A drawing of the channel groups of a network: what is as wide as what, and what must stay."""

from collections.abc import Iterator
from itertools import product
from xml.sax.saxutils import escape

from ganc import channels
from ganc.discovery.groups import Discovery

_ROW, _LEFT, _RIGHT, _WIDTH = 26, 330, 560, 860
_INPUT, _PICTURE = "input", "picture"
_GREY, _INK = "#b3b3b3", "#333333"


def draw(discovery: Discovery) -> str:
    """An SVG file: a coloured bar per group, in the order of the network, an arc per parameter.

    A bar is as long as the root of its channels. An arc leads from the channels that a parameter
    takes to those that it gives. Grey, at the bottom, is what was frozen, with the reason.
    """
    rows = [_INPUT, *discovery.widths, _PICTURE]
    height = _ROW * (len(rows) + 1 + 2 * len(discovery.frozen)) + 10
    places = {name: _ROW * (i + 1) for i, name in enumerate(rows)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for source, target, count in _arcs(discovery):
        parts.append(_arc(places[source], places[target], _colour(rows, source), count))
    for name, y in places.items():
        parts += _bar(name, y, discovery.widths.get(name), _colour(rows, name))
    for i, frozen in enumerate(discovery.frozen):
        y = places[_PICTURE] + _ROW * (2 * i + 1)
        parts += _bar(_shortened(frozen.parameters), y, frozen.size, _GREY)
        parts.append(_text(_LEFT, y + _ROW - 6, f"frozen: {frozen.reason}", "start"))
    return "\n".join([*parts, "</svg>", ""])


def _arcs(discovery: Discovery) -> Iterator[tuple[str, str, int]]:
    """From which group to which the parameters lead, and how many do."""
    found: dict[tuple[str, str], int] = {}
    for number in discovery.program.inputs[: len(discovery.parameters)]:
        axes = discovery.groups[number]
        if len(axes) < 2 or not any(axes):
            continue
        sources = {name for group in axes[:-1] for name in channels.names(group)} or {_INPUT}
        targets = set(channels.names(axes[-1])) or {_PICTURE}
        for pair in product(sorted(sources), sorted(targets)):
            found[pair] = found.get(pair, 0) + 1
    yield from ((*pair, count) for pair, count in found.items())


def _arc(start: int, end: int, colour: str, count: int) -> str:
    bulge = _RIGHT + 30 + min(abs(end - start), 300) * 0.8
    return (
        f'<path d="M{_RIGHT} {start} C{bulge:.0f} {start} {bulge:.0f} {end} {_RIGHT} {end}" '
        f'fill="none" stroke="{colour}" stroke-width="{1 + min(count, 6) / 2}" opacity="0.7"/>'
    )


def _bar(name: str, y: int, width: int | None, colour: str) -> Iterator[str]:
    yield _text(_LEFT - 8, y + 4, name, "end")
    length = min(8 * (width or 1) ** 0.5, _RIGHT - _LEFT - 50)
    yield (
        f'<rect x="{_LEFT}" y="{y - 8}" width="{length:.0f}" height="16" rx="3" fill="{colour}"/>'
    )
    if width:
        yield _text(int(_LEFT + length + 6), y + 4, str(width), "start")


def _text(x: int, y: int, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'


def _shortened(parameters: tuple[str, ...]) -> str:
    rest = len(parameters) - 1
    return parameters[0] + (f" and {rest} more" if rest else "")


def _colour(rows: list[str], name: str) -> str:
    if name in (_INPUT, _PICTURE):
        return _GREY
    # Steps of the golden angle keep neighbours apart.
    return f"hsl({rows.index(name) * 137.5 % 360:.0f}, 55%, 50%)"
