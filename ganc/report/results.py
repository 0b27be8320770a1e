"""The results of a report: the headline figures and the table of models and metrics."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ganc.report import scales

LOWER = ("kid", "fd", "fid", "l1", "l2", "mse", "mae", "lpips")
HIGHER = ("ssim", "psnr", "miou", "accuracy")
NONE = "–"
"""Stands for a value that is missing or not finite."""


def _get(row: Mapping | None, *path: str) -> Any:
    """A finite number at `path`, or None."""
    value: Any = row
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if scales.finite(value) else None


def teacher_of(rows: Sequence[Mapping]) -> Mapping | None:
    """The row called "teacher", else the first whose name starts so."""
    names = [str(row.get("name", "")) for row in rows]
    exact = [row for row, name in zip(rows, names, strict=True) if name == "teacher"]
    alike = [row for row, name in zip(rows, names, strict=True) if name.startswith("teacher")]
    return (exact or alike or [None])[0]


def student_of(rows: Sequence[Mapping], chosen: str) -> Mapping | None:
    """The last row of the chosen arch, which is the one after fine-tuning; else the cheapest."""
    teacher = teacher_of(rows)
    models = [row for row in rows if row is not teacher and _is_model(row)]
    named = [row for row in models if chosen and str(row.get("arch")) == chosen]
    cheap = sorted(models, key=lambda row: _get(row, "macs", "published") or math.inf)
    return named[-1] if named else (cheap or [None])[0]


def _is_model(row: Mapping) -> bool:
    return _get(row, "macs", "published") is not None or _get(row, "params") is not None


def _times(ratio: float) -> str:
    return f"{ratio:.1f}×" if ratio < 99.5 else f"{ratio:.0f}×"


def headline(teacher: Mapping | None, student: Mapping | None) -> str:
    """How many times cheaper `student` is than `teacher`, and its first metric beside theirs."""
    kinds = (
        (("macs", "published"), "fewer MACs", "more MACs", ""),
        (("latency_ms", "p50"), "faster", "slower", " ms, p50"),
        (("params",), "fewer parameters", "more parameters", ""),
    )
    parts = []
    for path, better, worse, unit in kinds:
        old, new = _get(teacher, *path), _get(student, *path)
        if not old or not new or old < 0 or new < 0:
            continue
        show = scales.significant if unit else scales.si
        detail = f"{show(old)} → {show(new)}{unit}"
        if path[0] == "macs" and _get(teacher, "macs", "true") and _get(student, "macs", "true"):
            ratio = _get(teacher, "macs", "true") / _get(student, "macs", "true")
            detail += f"; {_times(ratio)} in true MACs"
        word, ratio = (better, old / new) if old >= new else (worse, new / old)
        parts.append(_figure(_times(ratio), word, detail))
    known = (teacher or {}).get("metrics") or {}
    for key in known if student else ():
        name, protocol = _metric(key)
        old, new = _get(teacher, "metrics", key), _get(student, "metrics", key)
        if old is not None and new is not None and _arrow(name):
            form = f".{_decimals([old, new])}f"
            detail = f"teacher {old:{form}}; {_word(name)} is better"
            parts.append(_figure(f"{new:{form}}", escape(name.upper()), detail, protocol))
            break
    return f'<ul class="figures">{"".join(parts)}</ul>' if parts else ""


def _figure(value: str, label: str, detail: str, hint: str = "") -> str:
    return (
        f'<li title="{escape(hint)}"><strong>{value}</strong> <span>{label}</span> '
        f"<small>{detail}</small></li>"
    )


def _metric(key: str) -> tuple[str, str]:
    """`kid[lite0,a-vs-b]` as ("kid", "lite0,a-vs-b")."""
    name, _, protocol = key.partition("[")
    return name.strip(), protocol.removesuffix("]")


def _protocol(protocol: str) -> str:
    """A protocol that breaks only between its parts and before "-vs-"."""
    parts = escape(protocol).replace("-vs-", "\n-vs-").replace(",", ",\n").split("\n")
    return "<wbr>".join(f"<span>{part}</span>" for part in parts)


def _arrow(name: str) -> str:
    return {"lower": "↓", "higher": "↑"}.get(_word(name), "")


def _word(name: str) -> str:
    return "lower" if name.lower() in LOWER else "higher" if name.lower() in HIGHER else ""


def _decimals(values: Iterable[float | None]) -> int:
    """So many that the largest value has three significant digits, and at least one."""
    top = max((abs(value) for value in values if value), default=0.1)
    return min(6, max(1, 2 - math.floor(math.log10(top))))


def table(rows: Sequence[Mapping], teacher: Mapping | None, student: Mapping | None) -> str:
    """All rows, with a column for each cost and metric; the best of the smaller models in bold."""
    if not rows:
        return ""
    keys = list(dict.fromkeys(key for row in rows for key in row.get("metrics") or {}))
    columns: list[tuple[tuple[str, ...], str, str, str]] = [
        (("params",), "parameters", "", "lower"),
        (("macs", "published"), "MACs", "published convention", "lower"),
        (("macs", "true"), "MACs", "true", "lower"),
        (("latency_ms", "p50"), "latency", "ms, p50", "lower"),
        (("latency_ms", "p95"), "latency", "ms, p95", "lower"),
    ]
    columns = [c for c in columns if any(_get(row, *c[0]) is not None for row in rows)]
    for key in keys:
        name, protocol = _metric(key)
        columns.append((("metrics", key), name.upper(), protocol, _word(name)))
    full = _get(teacher, "macs", "published") or math.inf
    small = [row for row in rows if (_get(row, "macs", "published") or math.inf) < full]
    head, cells = "<th>model</th>", [_name(row) for row in rows]
    for path, name, protocol, better in columns:
        metric = path[0] == "metrics"
        arrow = (
            f' <abbr title="{better} is better">{_arrow(name)}</abbr>' if metric and better else ""
        )
        head += (
            f'<th scope="col" title="{escape(path[-1] if metric else "")}">{escape(name)}{arrow}'
            f"<small>{_protocol(protocol) if metric else protocol}</small></th>"
        )
        values = [_get(row, *path) for row in rows]
        ours = [value for row in small if (value := _get(row, *path)) is not None]
        best = None if len(ours) < 2 or not better else (min if better == "lower" else max)(ours)
        places = _decimals([_get(row, *path) for row in rows if _is_model(row)])
        for index, (row, value) in enumerate(zip(rows, values, strict=True)):
            if value is None:
                cells[index] += f'<td class="none">{NONE}</td>'
                continue
            text = scales.si(value) if path[0] in ("params", "macs") else f"{value:.{places}f}"
            if value == best and row in small:
                text = f"<b>{text}</b>"
            base = None if metric or row is teacher else _get(teacher, *path)
            spread = _interval(row, path[1], places) if metric else ""
            cells[index] += f"<td>{text}{_ratio(base, value)}{spread}</td>"
    body = ""
    for row, line in zip(rows, cells, strict=True):
        kind = "teacher" if row is teacher else "student" if row is student else ""
        kind = kind if _is_model(row) else f"{kind} reference".strip()
        body += f'<tr class="{kind}">{line}</tr>\n'
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="results">'
        f'<table class="results">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def _interval(row: Mapping, protocol: str, places: int) -> str:
    ends = (row.get("intervals") or {}).get(protocol) or ()
    if len(ends) != 2 or not all(map(scales.finite, ends)):
        return ""
    hint = escape(str(row.get("intervals_protocol") or ""))
    return f'<small title="{hint}">{ends[0]:.{places}f} to {ends[1]:.{places}f}</small>'


def _ratio(base: float | None, value: float) -> str:
    return (
        f"<small>÷ {_times(base / value)[:-1]}</small>" if base and 0 < value < base / 1.05 else ""
    )


def _name(row: Mapping) -> str:
    digest = str(row.get("params_sha256") or "")
    hint = f' title="parameters sha256 {escape(digest)}"' if digest else ""
    arch = f"<small><code>{breakable(row['arch'])}</code></small>" if row.get("arch") else ""
    return f'<th scope="row"{hint}>{escape(str(row.get("name", "")))}{arch}</th>'


def breakable(name: object) -> str:
    """An arch or a name, escaped, that may wrap after each underscore."""
    return escape(str(name)).replace("_", "_<wbr>")
