"""Matplotlib drawings as SVG that stands inside a page, in the colours and the font of the page.

One user unit is one px where the drawing is not scaled. Colours are placeholders here and variables
of the style sheet in the page, so that one drawing serves light, dark and print.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAGE, INK, SOFT, LINE, STUDENT, DOT = (f"#00000{number}" for number in range(1, 7))
_VARIABLES = {
    PAGE: "--page",
    INK: "--ink",
    SOFT: "--soft",
    LINE: "--line",
    STUDENT: "--student",
    DOT: "--dot",
}
_FONT = "DejaVu Sans"
"""Comes with Matplotlib, which measures with it; the page shows its own font."""


@contextmanager
def axes(
    name: str,
    size: tuple[int, int],
    *,
    left: int = 0,
    right: int = 0,
    bottom: int = 0,
    top: int = 0,
) -> Iterator[Axes]:
    """Axes to draw on and to `inline`, in one style whatever the reader's settings are.

    Matplotlib keeps settings for the whole process; they are as they were afterwards.

    Args:
        name: tells the drawing's references from those of other drawings on the page.
        size: width and height, px.
        left, right, bottom, top: room around the axes, px.
    """
    ours = {"svg.fonttype": "none", "svg.hashsalt": name, "font.family": _FONT, "font.size": 12}
    with style.context(["default", ours]):
        width, height = size
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, frameon=False)
        box = (left / width, bottom / height, 1 - (left + right) / width)
        yield figure.add_axes((*box, 1 - (bottom + top) / height), frameon=False)


def inline(
    ax: Axes, label: str, tips: Mapping[str, Sequence[str]] | None = None, *, stretch: bool = False
) -> Markup:
    """The `<svg>` element of a drawing, without namespaces, scripts or styles of its own.

    Args:
        ax: of `axes`, still open. Artists with a `gid` of letters get it as their class.
        label: what a reader who cannot see it is told.
        tips: class -> a text for each of its shapes, shown under the pointer.
        stretch: fills the box that the page gives it, whatever its proportions.
    """
    file = io.StringIO()
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(file, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(file.getvalue())
    _tidy(root)
    for name, texts in (tips or {}).items():
        for shape, text in zip(_shapes(root, name), texts, strict=True):
            ElementTree.SubElement(shape, "title").text = text
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": label}
    if stretch:
        root.set("preserveAspectRatio", "none")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tidy(root: Element) -> None:
    """Leaves what draws: no metadata, no style sheet, no blanks, no idle names."""
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): _short(value) for key, value in element.attrib.items()}
        element.text = (element.text or "").strip() or None
        element.tail = None
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    written = ElementTree.tostring(root, encoding="unicode")
    referred = set(re.findall(r'(?:url\(|href=")#(\w+)', written))
    for element in root.iter():
        name = element.attrib.pop("id", "")
        if name in referred:
            element.set("id", name)
        elif name.isalpha():
            element.set("class", name)
        if "style" in element.attrib:
            element.set("style", _style(element.attrib["style"]))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _short(value: str) -> str:
    """An attribute with its numbers to a hundredth of a px, and single blanks."""
    value = re.sub(r"-?\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}", value)
    return " ".join(value.split())


def _style(value: str) -> str:
    value = re.sub(r"; font-family: [^;]*", "", value)
    for colour, variable in _VARIABLES.items():
        value = value.replace(colour, f"var({variable})")
    return value


def _shapes(root: Element, name: str) -> list[Element]:
    """What the artists of a class have drawn, in order, leaving out what is only defined."""
    defined = {id(path) for defs in root.iter("defs") for path in defs.iter()}
    return [
        shape
        for group in root.iter()
        if group.get("class") == name
        for shape in group.iter()
        if shape.tag in ("use", "path") and id(shape) not in defined
    ]
