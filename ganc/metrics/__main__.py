"""Scores a folder of pictures: `python -m ganc.metrics GENERATED REAL [--truth DIR]`."""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from ganc import cli, hosts
from ganc.data.files import PIXELS, allow_pixels
from ganc.errors import UserError
from ganc.features.resizing import Resize
from ganc.hosts.membership import HELP, join, together
from ganc.metrics import statistics
from ganc.metrics.bootstrap import Bootstrap
from ganc.metrics.protocol import Value
from ganc.ranges import whole
from ganc.runs.console import console
from ganc.scores.distribution import Subsets
from ganc.scores.evaluation import Evaluation
from ganc.scores.extractor import Extractor, inception_extractor, lite0_extractor
from ganc.scores.paired import METRICS, PairMetric, lpips_metric
from ganc.scores.score import Scorer, Scores
from ganc.scores.segmentation import drn_segmenter
from ganc.scores.summary import default_cache


def table(scores: Scores) -> Table:
    """The scores as rows; under a distance, what to read it beside."""
    result = Table(title_justify="left")
    for header in ("protocol", "value", "interval"):
        result.add_column(
            header, overflow="fold", justify="left" if header == "protocol" else "right"
        )
    for protocol, value in scores.values.items():
        result.add_row(protocol.replace("[", r"\["), _show(value.value), _interval(value))
        for name, floor in (value.floor or {}).items():
            result.add_row("  " + name.replace("[", r"\["), _show(floor), style="dim")
    return result


def _show(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "infinite"


def _interval(value: Value) -> str:
    return "" if value.interval is None else f"{value.interval[0]:.4g} to {value.interval[1]:.4g}"


def _notes(scores: Scores) -> Iterator[str]:
    yield from {
        f"intervals: {value.interval_protocol}"
        for value in scores.values.values()
        if value.interval_protocol
    }
    if any(value.floor for value in scores.values.values()):
        yield "indented: the same distance, and real against real, on equal numbers of pictures"
    if not any(protocol.startswith("fid[") for protocol in scores.values):
        yield "distances of Lite0 features are not FID; --inception FILE gives FID"


def _extractor(path: Path | None, resize: Resize, size: int) -> Extractor:
    if path is None or path.exists():
        return lite0_extractor(size) if path is None else inception_extractor(path, resize)
    print(
        f"note: there is no file {path}; FID needs pytorch-fid's "
        "pt_inception-2015-12-05-6726825d.pth or torch-fidelity's "
        "weights-inception-2015-12-05-6726825d.pth; kid and fd on Lite0 features are used instead",
        file=sys.stderr,
    )
    return lite0_extractor(size)


def _lpips(vgg16: Path | None, linear: Path | None, others: Path | None) -> dict[str, PairMetric]:
    if vgg16 is None and linear is None:
        return {}
    if vgg16 is None or linear is None or others is None:
        raise UserError(
            "LPIPS takes --lpips-vgg and --lpips-lin together, and --truth or --teacher"
        )
    return lpips_metric(vgg16, linear)


def main(
    generated: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="GENERATED")],
    real: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="REAL")],
    truth: Path | None = None,
    teacher: Path | None = None,
    inception: Path | None = None,
    resize: Resize = "bilinear",
    size: Annotated[int, whole(32, 2048)] = 224,
    lpips_vgg: Path | None = None,
    lpips_lin: Path | None = None,
    drn: Path | None = None,
    labels: Path | None = None,
    kid_subsets: Annotated[int, whole(0, 10**6)] = 100,
    kid_subset_size: Annotated[int, whole(2, 10**6)] = 1000,
    resamples: Annotated[int, whole(2, 10**6)] = 1000,
    seed: int = 0,
    convert: tyro.conf.FlagCreatePairsOff[bool] = False,
    save_statistics: Path | None = None,
    cache: Path | None = None,
    max_pixels: Annotated[int, whole(1, 10**10)] = PIXELS,
    json_: Annotated[tyro.conf.FlagCreatePairsOff[bool], tyro.conf.arg(name="json")] = False,
    distributed: Annotated[str, tyro.conf.arg(help=HELP)] = "",
) -> None:
    """Scores a folder of pictures against real ones, and against the truth where it is known.

    Args:
        generated: a folder of PNG, JPEG and WebP pictures; its subfolders are not read.
        real: a folder of real pictures of the same domain, or their statistics, an .npz.
        truth: a folder with the true picture of each, under the same name.
        teacher: a folder with the picture of the uncompressed model of each, under the same name.
        inception: pytorch-fid's or torch-fidelity's file of the weights of 2015-12-05: FID, and KID
            on its features, instead of the distances on Lite0.
        resize: how pictures become what Inception sees: as in pytorch-fid, clean-fid or
            torch-fidelity.
        size: px at which Lite0 sees the pictures.
        lpips_vgg: torchvision's VGG-16, for LPIPS to the truth.
        lpips_lin: lpips/weights/v0.1/vgg.pth of PerceptualSimilarity, for LPIPS to the truth.
        drn: drn-d-105_ms_cityscapes.pth, for mIoU on Cityscapes.
        labels: a folder with the train ids of each generated picture, as PNG under its name.
        kid_subsets: over which the kernel distance is averaged; 0 for all pictures at once.
        kid_subset_size: pictures of a subset; smaller sets are compared whole.
        resamples: of the bootstrap intervals.
        seed: of subsets and resamples.
        convert: take grey and transparent pictures too, as RGB.
        save_statistics: an .npz to write with the statistics of the real pictures.
        cache: where features are kept; by default ganc/features in the user's cache folder.
        max_pixels: of a picture; more are refused.
        json_: print one JSON object instead of a table.
    """
    allow_pixels(max_pixels)
    if (drn is None) != (labels is None):
        raise UserError("mIoU takes --drn and --labels together")
    join(distributed)
    with together():
        scorer = Scorer(
            Evaluation(
                _extractor(inception, resize, size),
                Subsets(kid_subsets, kid_subset_size, seed),
                Bootstrap(resamples, seed),
                METRICS | _lpips(lpips_vgg, lpips_lin, truth or teacher),
            ),
            segmenter=None if drn is None else drn_segmenter(drn),
            convert=convert,
            cache=cache or default_cache(),
            aside=Console(stderr=True, quiet=not hosts.leads()),
        )
        scores = scorer.score(generated, real, truth=truth, teacher=teacher, labels=labels)
        found = None if save_statistics is None else scorer.statistics(real)
        if hosts.leads():
            if save_statistics is not None and found is not None:
                statistics.save(save_statistics, found)
            _print(scores, json_)


def _print(scores: Scores, as_json: bool) -> None:
    if as_json:
        print(json.dumps(scores.to_json(), allow_nan=False))
        return
    console.print(table(scores))
    for note in _notes(scores):
        console.print(note, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main)
