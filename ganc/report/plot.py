"""Inline SVG: the Pareto plot, channel widths and training curves of a report.

Every function returns markup without namespace, script or colour of its own; the classes are styled
by the page, so that one drawing serves light, dark and print.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

from ganc.report.scales import Axis, finite, fit, round_si, si, significant, ticks

SHADES = 4
"""Candidates are drawn in this many strengths, from the first generation to the last."""


def pareto(
    candidates: Sequence[Mapping],
    front: Sequence[Mapping],
    chosen: str,
    budget: float | None,
    *,
    width: int,
    height: int,
) -> str:
    """Scatter of cost and score: all candidates, the front as a step line, the chosen one marked.

    Args:
        candidates: rows with `arch`, `macs` (published, true), `score` (lower is better) and
            perhaps `generation`; those without a finite score are left out.
        front: the Pareto-optimal rows.
        chosen: the `arch` of the selected row.
        budget: MACs of the published convention that the search was held to.
        width, height: of the drawing, in user units, which are px where it is not scaled.

    Returns:
        An `<svg>` element, or an empty string where there is nothing to draw.
    """
    candidates, front = drawable(candidates), drawable(front)
    points = [*candidates, *front]
    if not points:
        return ""
    limit = [float(budget)] if budget and finite(budget) and budget > 0 else []
    x = fit([c["macs"]["published"] for c in points] + limit, 58, width - 14)
    y = fit([c["score"] for c in points], height - 46, 22, below=0.22)
    parts = [_grid(x, y, width, height)]
    if limit:
        at, side = x(limit[0]), "end" if x(limit[0]) > width / 2 else "start"
        parts.append(
            f'<line class="budget" x1="{at:.1f}" x2="{at:.1f}" y1="{y.stop}" y2="{y.start}" />'
            f'<text class="budget-label" x="{at + (-7 if side == "end" else 7):.1f}" '
            f'y="{y.stop + 11:.1f}" text-anchor="{side}">budget {round_si(limit[0])}</text>'
        )
    shade = _shades(candidates)
    for row in candidates:
        parts.append(_point(row, x, y, f"c{shade(row)}", 3))
    steps = ""
    for row in sorted(front, key=lambda row: row["macs"]["published"]):
        px, py = x(row["macs"]["published"]), y(row["score"])
        steps += f"H{px:.1f}V{py:.1f}" if steps else f"M{px:.1f} {py:.1f}"
    if steps:
        parts.append(f'<path class="front" d="{steps}H{x.stop}" />')
    parts += [_point(row, x, y, "optimal", 4) for row in front]
    picked = next((row for row in points if str(row["arch"]) == chosen), None)
    if picked:
        parts.append(_chosen(picked, x, y))
    label = f"{len(candidates)} candidates by MACs and score; {len(front)} are Pareto-optimal"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def drawable(rows: Sequence[Mapping]) -> list[Mapping]:
    """The candidates with a finite score and a positive cost."""
    return [
        row
        for row in rows
        if finite(row.get("score"))
        and finite((row.get("macs") or {}).get("published"))
        and row["macs"]["published"] > 0
    ]


def _shades(candidates: Sequence[Mapping]) -> Callable[[Mapping], int]:
    def generation(row: Mapping) -> float:
        value = row.get("generation")
        return value if value is not None and finite(value) else 0

    generations = [generation(row) for row in candidates] or [0]
    first, span = min(generations), max(generations) - min(generations) or 1
    return lambda row: round((generation(row) - first) / span * (SHADES - 1))


def _point(row: Mapping, x: Axis, y: Axis, kind: str, radius: float) -> str:
    cx, cy = x(row["macs"]["published"]), y(row["score"])
    return (
        f'<circle class="{kind}" cx="{cx:.1f}" cy="{cy:.1f}" r="{radius}">'
        f"<title>{_describe(row)}</title></circle>"
    )


def _describe(row: Mapping) -> str:
    macs = row["macs"]
    lines = [str(row["arch"]), f"score {significant(row['score'], 4)}"]
    lines.append(f"{si(macs['published'])} MACs")
    if finite(macs.get("true")):
        lines[-1] += f" ({si(macs['true'])} true)"
    if row.get("generation") is not None:
        lines.append(f"generation {row['generation']}")
    return escape("\n".join(lines))


def _chosen(row: Mapping, x: Axis, y: Axis) -> str:
    cx, cy = x(row["macs"]["published"]), y(row["score"])
    lines = ["chosen", f"{si(row['macs']['published'])} MACs", f"score {significant(row['score'])}"]
    leader = ""
    # Nothing lies to the lower left of a point of the front. Too close to the axis, the label
    # moves into the room below all points.
    tx, ty, anchor = cx - 14, cy + 14, "end"
    if tx - x.start < 96:
        tx, ty, anchor = max(tx, x.start + 6), y.start - 23, "start"
        lines = [f"chosen, {lines[1]}", lines[2]]
        leader = (
            f'<line class="leader" x1="{cx:.1f}" x2="{cx:.1f}" y1="{cy + 10:.1f}" '
            f'y2="{max(cy + 10, ty - 14):.1f}" />'
        )
    spans = "".join(
        f'<tspan x="{tx:.1f}" dy="{"1.25em" if number else 0}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return (
        f'{leader}<circle class="halo" cx="{cx:.1f}" cy="{cy:.1f}" r="10" />'
        f"{_point(row, x, y, 'chosen', 5.5)}"
        f'<text class="chosen-label" y="{ty:.1f}" text-anchor="{anchor}">{spans}</text>'
    )


def _grid(x: Axis, y: Axis, width: int, height: int) -> str:
    parts = []
    for value in ticks(y.low, y.high, 6, y.log):
        at = y(value)
        parts.append(
            f'<line class="grid" x1="{x.start}" x2="{x.stop}" y1="{at:.1f}" y2="{at:.1f}" />'
            f'<text class="tick" x="{x.start - 8}" y="{at + 4:.1f}" text-anchor="end">'
            f"{value:.4g}</text>"
        )
    for value in ticks(x.low, x.high, max(3, width // 110), x.log):
        parts.append(
            f'<text class="tick" x="{x(value):.1f}" y="{y.start + 18}" text-anchor="middle">'
            f"{round_si(value)}</text>"
        )
    middle = (x.start + x.stop) / 2
    scale = ", logarithmic" if x.log else ""
    parts.append(
        f'<text class="axis" x="{middle:.1f}" y="{height - 6}" text-anchor="middle">'
        f"MACs, published convention{scale}</text>"
        f'<text class="axis" x="4" y="11">score, lower is better</text>'
    )
    return "".join(parts)


def widths(student: Sequence[int], full: Sequence[int]) -> str:
    """Bars of the channels of each slot: `student` filled, `full` as the outline around it."""
    count, top = len(student), max([*student, *full, 1])
    width, height = 300, 170
    pitch = width / count
    bar = min(26.0, 0.68 * pitch)
    parts = []
    for slot, (kept, of) in enumerate(zip(student, full, strict=True)):
        left = slot * pitch + (pitch - bar) / 2
        for kind, value in (("full", of), ("kept", kept)):
            tall = max(1.0, (height - 16) * value / top)
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{height - tall:.1f}" '
                f'width="{bar:.1f}" height="{tall:.1f}" rx="2">'
                f"<title>slot {slot + 1}: {kept} of {of}</title></rect>"
            )
        if count <= 16:
            at = height - (height - 16) * kept / top - 5
            parts.append(
                f'<text class="tick" x="{left + bar / 2:.1f}" y="{at:.1f}" '
                f'text-anchor="middle">{kept}</text>'
            )
    label = "channels kept in each slot: " + ", ".join(map(str, student))
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def curve(name: str, steps: Sequence[float], values: Sequence[float], buckets: int = 90) -> str:
    """A training scalar: the mean of each bucket of steps as a line, its range as a band."""
    width, height = 220, 64
    x = Axis(min(steps), max(max(steps), min(steps) + 1), 2, width - 2, False)
    low, high = min(values), max(values)
    air = 0.5 * (high == low) * (abs(high) or 1.0)
    y = Axis(low - air, high + air, height - 4, 4, False)
    line, upper, lower = [], [], []
    for part in np.array_split(np.arange(len(values)), min(buckets, len(values))):
        some = np.asarray(values, float)[part]
        at = f"{x(float(np.asarray(steps, float)[part].mean())):.1f}"
        line.append(f"{at},{y(float(some.mean())):.1f}")
        upper.append(f"{at},{y(float(some.max())):.1f}")
        lower.append(f"{at},{y(float(some.min())):.1f}")
    band = f'<polygon class="band" points="{" ".join(upper + lower[::-1])}" />'
    # Of a single point, a line of no length with round ends makes a dot.
    drawn = f'{band}<polyline class="line" points="{" ".join(line if line[1:] else line * 2)}" />'
    label = escape(f"{name}, from {significant(values[0])} to {significant(values[-1])}")
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{drawn}</svg>'
    )
