import re
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from PIL import Image

from ganc.report.gallery import GUTTER, data_uri
from ganc.report.page import FrontPoint, Sample, write_report, write_samples

VOID = {"meta", "img", "input", "wbr", "br", "link"}
HOSTILE = "<script>alert('x')</script>\"&"


class Balanced(HTMLParser):
    """Fails on an end tag that closes nothing or the wrong element."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.links, self.text, self.ids = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parse(path) -> Balanced:
    parser = Balanced()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    assert not parser.open
    return parser


def picture(size=64, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def sample(truth=True, size=64, seed=0) -> Sample:
    source, teacher, student, last = (picture(size, 4 * seed + k) for k in range(4))
    return Sample(source, teacher, student, last if truth else None)


def row(name, arch, macs, **metrics):
    return {
        "name": name,
        "arch": arch,
        "params": macs // 400,
        "macs": {"published": macs, "true": int(0.8 * macs)},
        "latency_ms": {"p50": macs / 1e8, "p95": macs / 9e7},
        "metrics": {f"{key}[report9-vs-real9]": value for key, value in metrics.items()},
        "params_sha256": "ab" * 32,
    }


def candidates(count):
    rng = np.random.default_rng(0)
    return [
        {
            "arch": "_".join(map(str, rng.integers(1, 7, 8) * 4)),
            "macs": {"published": int(macs), "true": int(0.8 * macs)},
            "score": float(1e6 / macs + rng.random() * 0.01),
            "generation": index // 50,
        }
        for index, macs in enumerate(rng.integers(20_000_000, 400_000_000, count))
    ]


def front_of(rows):
    best, front = float("inf"), []
    for one in sorted(rows, key=lambda one: one["macs"]["published"]):
        if one["score"] < best:
            best = one["score"]
            front.append(one)
    return front


def arguments(**changes):
    scored = candidates(40)
    front = front_of(scored)
    chosen = front[len(front) // 2]["arch"]
    return {
        "title": "Satellite to map",
        "summary": {"data": "Earth pack", "command": "python -m experiments.earth"},
        "rows": [
            row("teacher", "24_24_24_24_24_24_24_24", 400_000_000, kid=0.03, ssim=0.6),
            row("student", chosen, 32_000_000, kid=0.035, ssim=0.58),
            {"name": "real (floor)", "metrics": {"kid[report9-vs-real9]": 0.0}},
        ],
        "front": front,
        "candidates": scored,
        "chosen": chosen,
        "samples": [sample(seed=seed) for seed in range(5)],
        "losses": [{"stage": "teacher", "step": k, "generator": 1 / k} for k in range(1, 200)],
        "notes": ["One seed."],
        "budget": 50_000_000,
    } | changes


def test_page_is_balanced_self_contained_and_complete(tmp_path):
    path = write_report(tmp_path, **arguments())
    assert path == tmp_path / "report.html"
    parser = parse(path)
    page = path.read_text()
    assert "://" not in page
    # What a drawing uses many times, such as the dot of a candidate, it defines once.
    marks = {link[1:] for link in parser.links if link.startswith("#")}
    pictures = [link for link in parser.links if link.startswith("data:image/")]
    assert pictures and all(link.startswith(("data:image/", "#")) for link in parser.links)
    assert marks <= set(parser.ids) and len(set(parser.ids)) == len(parser.ids)
    assert "link" not in parser.seen and "iframe" not in parser.seen
    for text in ("teacher", "student", "real (floor)", "One seed.", "Earth pack", "12.5×"):
        assert text in page
    assert "fewer MACs" in page and "faster" in page
    for name in ("pictures", "results", "search", "samples", "training", "run", "remarks"):
        assert f'<section id="{name}">' in page
    assert all("alt=" in tag for tag in re.findall(r"<img[^>]*>", page))


def test_every_string_from_outside_is_escaped(tmp_path):
    given = arguments()
    losses = [{"stage": HOSTILE, "step": 1, HOSTILE: 1.0}, {"stage": HOSTILE, "step": 2}]
    bad = given["candidates"][0] | {"arch": HOSTILE, "generation": HOSTILE}
    hostile = row(HOSTILE, HOSTILE, 1000) | {"params_sha256": HOSTILE}
    hostile["metrics"] = {f"{HOSTILE}[{HOSTILE}]": 1.0}
    given |= {
        "title": HOSTILE,
        "summary": {HOSTILE: HOSTILE},
        "rows": [*given["rows"], hostile],
        "candidates": [bad],
        "front": [bad],
        "chosen": HOSTILE,
        "losses": losses,
        "notes": [HOSTILE, "$title ${nothing} {{ title }} {% raw %}"],
        "verdict": HOSTILE,
        "points": [point(HOSTILE, name=HOSTILE, scores={f"{HOSTILE}[{HOSTILE}]": 1.0})],
    }
    parser = parse(write_report(tmp_path, **given))
    assert parser.seen.count("script") == 1
    assert "$title ${nothing} {{ title }} {% raw %}" in "".join(parser.text)


@pytest.mark.parametrize("part", ["rows", "front", "candidates", "samples", "losses", "notes"])
def test_an_empty_part_is_left_out(tmp_path, part):
    parse(write_report(tmp_path, **arguments(**{part: []})))


def test_a_run_without_a_student(tmp_path):
    given = arguments()
    samples = [Sample(picture(seed=1), picture(seed=2), truth=picture(seed=3))]
    given |= {"rows": given["rows"][:1], "samples": samples}
    page = write_report(tmp_path, **given).read_text()
    assert '<section id="samples">' in page and '<section id="pictures">' not in page
    write_samples(tmp_path / "samples.png", samples)
    with Image.open(tmp_path / "samples.png") as grid:
        assert grid.width == GUTTER + 3 * (128 + GUTTER)


def test_nothing_at_all(tmp_path):
    empty = dict.fromkeys(("rows", "front", "candidates", "samples", "losses", "notes"), ())
    path = write_report(tmp_path, **arguments(summary={}, chosen="", budget=None, **empty))
    assert "section" not in parse(path).seen


def test_one_row_and_one_candidate(tmp_path):
    one = candidates(1)
    rows = [row("teacher", None, 10_000_000, kid=0.1)]
    given = arguments(rows=rows, candidates=one, front=one, chosen=one[0]["arch"], budget=None)
    page = write_report(tmp_path, **given).read_text()
    assert "fewer MACs" not in page and "chosen" in page


def test_the_headline_says_when_a_student_is_slower(tmp_path):
    given = arguments()
    given["rows"][1]["latency_ms"] = {"p50": 8.0, "p95": 9.0}
    page = write_report(tmp_path, **given).read_text()
    assert "<strong>2.0×</strong> <span>slower</span>" in page


def test_the_headline_has_the_size_on_disk_and_what_stayed_the_same(tmp_path):
    given = arguments()
    given["rows"][0]["bytes"], given["rows"][1]["bytes"] = 4_430_000, 37_900
    given["rows"][1]["macs"] = given["rows"][0]["macs"]
    page = write_report(tmp_path, **given).read_text()
    assert "<strong>117×</strong> <span>smaller on disk</span> <small>4.43 MB → 37.9 kB" in page
    assert "<strong>1.0×</strong> <span>as many MACs</span>" in page


def test_channels_that_are_left_are_drawn_in_the_outline_of_the_teachers(tmp_path):
    kept = {"stem": (3, 8), "block0": (1, 16)}
    page = write_report(tmp_path, **arguments(), kept=kept).read_text()
    section = page[page.index('<section id="channels">') : page.index('<section id="search">')]
    assert "stem: 3 of 8" in section and "block0: 1 of 16" in section and "stem, block0" in section
    assert 'id="channels"' not in write_report(tmp_path, **arguments()).read_text()


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "n/a"])
def test_a_metric_that_is_no_finite_number_is_a_dash(tmp_path, value):
    given = arguments()
    given["rows"][1]["metrics"] = {"kid[p]": value}
    given["candidates"][0] = given["candidates"][0] | {"score": value}
    given["losses"] = [{"stage": "s", "step": 1, "generator": value}]
    page = write_report(tmp_path, **given).read_text()
    assert page.count('<td class="none">–</td>') >= 3
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[^\"]*", "", page), re.IGNORECASE)
    assert "Not drawn: 1 without" in page


def test_a_large_run_stays_small(tmp_path):
    scored = candidates(1000)
    front = front_of(scored)
    samples = [sample(seed=seed) for seed in range(16)]
    given = arguments(candidates=scored, front=front, chosen=front[0]["arch"], samples=samples)
    # Noise does not compress at all, which no real picture comes near to.
    assert write_report(tmp_path, **given).stat().st_size < 3_000_000


def test_intervals_stand_below_their_values(tmp_path):
    given = arguments()
    key = next(iter(given["rows"][0]["metrics"]))
    given["rows"][0] |= {"intervals": {key: [0.1234, 0.2345]}, "intervals_protocol": HOSTILE}
    given["rows"][1] |= {"intervals": {key: ["<b>", float("nan")]}}
    text = " ".join(parse(write_report(tmp_path, **given)).text)
    assert "0.123 to 0.234" in text or "0.1234 to 0.2345" in text
    assert text.count(" to 0.2") == 1


def point(arch="4_4", macs=1e7, **changes):
    given = {"name": "cheapest", "arch": arch, "macs": macs, "latency_ms": 2.5}
    given |= {
        "scores": {"ssim[report9-vs-truth]": 0.5},
        "pictures": [picture(seed=k) for k in (1, 2)],
    }
    return FrontPoint(**given | changes)


def test_points_of_the_front_stand_from_cheapest_to_dearest(tmp_path):
    given = arguments()
    dear = point(given["chosen"], 4e7, name="at the budget", latency_ms=None, scores={"x": 1e99})
    page = write_report(tmp_path, **given, points=[dear, point(macs=1e7)]).read_text()
    section = page[page.index('<section id="glance">') : page.index('<section id="results">')]
    names = [re.sub(r" <small>.*", "", name) for name in re.findall("<h3>(.*)</h3>", section)]
    assert names == ["cheapest", "at the budget"]
    assert section.count("<img") == 4 and section.count("chosen") == 1
    assert data_uri(picture(seed=2)) in section
    for text in ("10.0 M", "40.0 M", "2.50", "SSIM ↑", "0.500", "<dd>–</dd>", "width: 25.0%"):
        assert text in section
    assert section.index("chosen") > section.index("at the budget")


def test_a_verdict_stands_under_the_headline(tmp_path):
    page = write_report(tmp_path, **arguments(), verdict="level with its teacher: yes").read_text()
    place = page.index('<p class="verdict">level with its teacher: yes</p>')
    assert page.index('class="figures"') < place < page.index("<main>")
    assert 'class="verdict"' not in write_report(tmp_path, **arguments()).read_text()


def test_the_page_is_a_function_of_its_arguments(tmp_path):
    first = write_report(tmp_path, **arguments()).read_bytes()
    theirs = {"font.size": 40, "axes.facecolor": "red", "svg.fonttype": "path"}
    with matplotlib.rc_context(theirs):
        assert write_report(tmp_path, **arguments()).read_bytes() == first
        assert {key: matplotlib.rcParams[key] for key in theirs} == theirs


def test_matplotlib_is_imported_by_a_drawing_alone_and_pyplot_never():
    program = """if True:
        import sys, ganc.report.page
        assert "matplotlib" not in sys.modules
        from ganc.report.widths import widths
        widths([4], [8])
        assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules"""
    subprocess.run([sys.executable, "-c", program], check=True)
