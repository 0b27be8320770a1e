"""Kills a small run again and again, fills its disk and damages its checkpoints.

    python -m benchmarks.soak --kills 100

Minutes to half an hour. Ends with a line per trial, and with an error where a run did not end with
the bits of the one that nobody killed.
"""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ganc import cli
from ganc.errors import RunError
from ganc.ranges import whole

ROOT = Path(__file__).parents[1]
RUN = (
    *("--preset", "smoke", "--stages", "teacher,supernet,search,specialise"),
    *("--supernet.constant-steps", "6", "--workdir"),
)
"""Up to the student: scores and report, which take most of a smoke run, come from files."""
SAME = ("search.jsonl", "metrics.jsonl")
"""Files of a run that are equal byte for byte, however often it was killed."""


def _run(workdir: Path) -> None:
    from ganc import recipes

    log = os.open(workdir.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    recipes.start("cyclegan_ofa", [*RUN, str(workdir)])


def start(workdir: Path, cache: Path) -> Any:
    """The run in a process of its own, with compilations kept in `cache`."""
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["ganc.recipes.cyclegan_ofa", "ganc.compression.launch"])
    process = server.Process(target=_run, args=(workdir,))
    process.start()
    return process


def finish(workdir: Path, cache: Path) -> float:
    """Runs to the end; the seconds it took."""
    begin, process = time.monotonic(), start(workdir, cache)
    process.join()
    if process.exitcode:
        said = workdir.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        raise RunError(f"the run in {workdir} ended with {process.exitcode}: {said[-500:]}")
    return time.monotonic() - begin


def check_same(whole_run: Path, other: Path) -> None:
    """Raises `RunError` where two runs differ, or where the other left temporary files."""
    for name in SAME:
        if (whole_run / name).read_bytes() != (other / name).read_bytes():
            raise RunError(f"{other / name} differs from that of the run that nobody killed")
    if _student(whole_run) != _student(other):
        raise RunError(f"the student of {other} differs from that of the run that nobody killed")
    left = [str(path) for path in other.rglob("*") if "partial" in path.name or "tmp" in path.name]
    if left:
        raise RunError(f"temporary files are left: {', '.join(left)}")


def _student(run: Path) -> str:
    return json.loads((run / "student" / "model.json").read_text(encoding="utf-8"))["params_sha256"]


def kill(count: int, place: Path, seed: int) -> Iterator[str]:
    """Kills runs at `count` random moments, and lets each come to its end."""
    cache, whole_run, rng = place / "cache", place / "whole", np.random.default_rng(seed)
    finish(place / "first", cache)  # compiles
    seconds, killed, runs = finish(whole_run, cache), 0, 0
    while killed < count:
        workdir, runs = place / f"run{runs}", runs + 1
        while killed < count:
            process = start(workdir, cache)
            process.join(rng.uniform(0, seconds))
            if not process.is_alive():
                break  # it came to its end before
            process.kill()
            process.join()
            killed += 1
            yield f"killed {killed} times"
        finish(workdir, cache)
        check_same(whole_run, workdir)
        shutil.rmtree(workdir)
        yield f"killed {killed} times, {runs} runs came to the same end"


def damage(count: int, place: Path, seed: int) -> Iterator[str]:
    """Damages the newest checkpoint at random bytes, and lets the run go on."""
    cache, whole_run, rng = place / "cache", place / "whole", np.random.default_rng(seed + 1)
    for trial in range(count):
        workdir = place / f"damaged{trial}"
        process, stage = start(workdir, cache), workdir / "checkpoints" / "supernet"
        while process.is_alive() and not (stage / "4").exists():
            time.sleep(0.01)
        process.kill()
        process.join()
        newest = max((p for p in stage.iterdir() if p.name.isdigit()), key=lambda p: int(p.name))
        files = sorted(p for p in newest.rglob("*") if p.is_file() and p.stat().st_size)
        victim = files[rng.integers(len(files))]
        content = bytearray(victim.read_bytes())
        for at in rng.integers(len(content), size=8):
            content[at] ^= int(rng.integers(1, 256))
        victim.write_bytes(content)
        finish(workdir, cache)
        check_same(whole_run, workdir)
        shutil.rmtree(workdir)
        yield f"checkpoint damaged in {victim.relative_to(workdir)}: the same end"


_FULL = """
import sys
from pathlib import Path
import numpy as np
from ganc import cli
from ganc.train.checkpoint import Checkpoints
with cli.one_line_errors():
    checkpoints = Checkpoints(Path(sys.argv[1]))
    for step in range(1, 100):
        checkpoints.save(step, {"w": np.random.default_rng(step).normal(size=100_000 * step)})
        print(step, flush=True)
"""


def full_disk() -> str | None:
    """Saves on a disk of 4 MB until it is full; what was said, None where none can be mounted.

    Raises:
        RunError: it was not one line, or the checkpoint before it is lost.
    """
    with tempfile.TemporaryDirectory() as place:
        script = Path(place, "full.py")
        script.write_text(_FULL, encoding="utf-8")
        disk = Path(place, "disk")
        disk.mkdir()
        inside = (
            f"mount -t tmpfs -o size=4m none {disk} || exit 99; "
            f"{sys.executable} {script} {disk}/run; echo code $?; ls {disk}/run"
        )
        found = subprocess.run(
            ["unshare", "-rm", "sh", "-c", inside], cwd=ROOT, capture_output=True, text=True
        )
    if found.returncode == 99 or "unshare" in found.stderr:
        return None
    steps, _, listed = found.stdout.partition("code 1")
    lines = [line for line in found.stderr.splitlines() if line.startswith("stopped: ")]
    last = steps.split()[-1] if steps.split() else ""
    if len(lines) != 1 or not last or last not in listed.split():
        raise RunError(f"a full disk: {found.stdout[-300:]} {found.stderr[-300:]}")
    return lines[0]


@contextmanager
def _folder(place: Path | None) -> Iterator[Path]:
    if place is not None:
        yield place.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="ganc-soak-") as own:
        yield Path(own)


def main(
    kills: Annotated[int, whole(0, 10**6)] = 100,
    damages: Annotated[int, whole(0, 10**6)] = 10,
    seed: int = 0,
    place: Path | None = None,
) -> None:
    """Kills a small run, damages its checkpoints and fills a disk.

    Args:
        kills: SIGKILLs at random moments.
        damages: damaged checkpoints.
        seed: of the moments and the places.
        place: an empty folder for the runs; by default a temporary one.
    """
    print(full_disk() or "no small disk could be mounted: not tried", flush=True)
    with _folder(place) as folder:
        for line in kill(kills, folder, seed):
            print(line, flush=True)
        for line in damage(damages, folder, seed):
            print(line, flush=True)


if __name__ == "__main__":
    cli.run(main)
