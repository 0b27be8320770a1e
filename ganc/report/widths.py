"""The widths of a student as a drawing: its channels in the outline of the full ones."""

from collections.abc import Sequence

from markupsafe import Markup

from ganc.report.svg import SOFT, STUDENT, axes, inline

_SIZE = (300, 170)
_LABELLED = 16
"""More slots than this leave no room for numbers."""


def widths(student: Sequence[int], full: Sequence[int], names: Sequence[str] = ()) -> Markup:
    """Bars of the channels of each slot: `student` filled, `full` as the outline around it.

    Args:
        student: channels of the student.
        full: channels of the outline.
        names: what is drawn, where it is no slot; a name stands under the pointer.
    """
    slots = range(1, len(student) + 1)
    names = names or [f"slot {k}" for k in slots]
    with axes("widths", _SIZE, top=16, bottom=1) as ax:
        wide = min(0.68, 26 * len(student) / _SIZE[0])
        look = {"linewidth": 1, "clip_on": False, "joinstyle": "round"}
        ax.bar(slots, full, wide, facecolor="none", edgecolor=SOFT, alpha=0.65, **look)
        kept = ax.bar(slots, student, wide, color=STUDENT, gid="kept", **look)
        if len(student) <= _LABELLED:
            ax.bar_label(kept, padding=4, color=SOFT)
        ax.set(xlim=(0.5, len(student) + 0.5), ylim=(0, max([*student, *full, 1])))
        ax.set_axis_off()
        tips = [f"{n}: {a} of {b}" for n, a, b in zip(names, student, full, strict=True)]
        label = f"channels kept from {names[0]} to {names[-1]}: " + ", ".join(map(str, student))
        return inline(ax, label, {"kept": tips})
