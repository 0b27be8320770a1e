"""One picture through a teacher and through a specialised student."""

import time
from collections.abc import Callable, Iterator

import jax

from benchmarks.instruments import Row, make_product, medians, random_params
from benchmarks.networks import Networks
from ganc.metrics.latency import Timed, timed
from ganc.types import Arch, Model


def latency(networks: Networks, arch: Arch, repeats: int, product: int) -> Iterator[Row]:
    """Milliseconds of each, and what became of the student's fewer multiply-adds."""
    calls = {"product": make_product(product)} | forwards(networks, arch)
    seconds = medians(calls, 10 * repeats)
    rate = product**3 / seconds["product"]
    macs = {"teacher": networks.teacher_macs, "student": networks.supernet.true_macs(arch)}
    for name, count in macs.items():
        yield Row(f"latency, {name}", "ms", 1e3 * seconds[name], 1e3 * count / rate)
    fewer = macs["teacher"] / macs["student"]
    faster = seconds["teacher"] / seconds["student"]
    yield Row(
        "student's speed-up / its fewer multiply-adds", "times", faster / fewer, aim=">= 0.5",
        note=f"{faster:.1f} times faster, {fewer:.1f} times fewer",
    )  # fmt: skip


def forwards(
    networks: Networks, arch: Arch, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Timed]:
    """Compiled calls of "teacher" and "student" for one picture, timed by `clock`."""
    x, student = jax.device_put(networks.pictures(1)), networks.supernet.generator
    models = {
        "teacher": Model(networks.teacher, random_params(networks.teacher.init)),
        "student": networks.supernet.cut(random_params(student.init), arch),
    }
    calls = {}
    for name, (generator, params, _) in models.items():
        compiled = jax.jit(lambda p, x, g=generator: g.apply(p, x).image)
        calls[name] = timed(lambda f=compiled, p=params: f(p, x), clock)
    return calls
