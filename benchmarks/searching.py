"""Candidates of a search, run in every way, beside their floor."""

from collections.abc import Callable, Iterator

import jax
import numpy as np

from benchmarks.instruments import Row, make_product, medians, random_params
from benchmarks.networks import Networks
from benchmarks.training import counting
from ganc.metrics.latency import timed
from ganc.search.candidates import make_evaluate, make_generate
from ganc.search.classes import ShapeClasses
from ganc.search.evolution import draw_within, evolve
from ganc.search.plan import search_classes
from ganc.search.supernet import Supernet
from ganc.types import Arch


def search(
    networks: Networks, candidates: int, pictures: int, repeats: int, product: int
) -> Iterator[Row]:
    """Forward passes of one list of candidates, by every way to run them."""
    supernet, settings = networks.supernet, networks.config.search
    space, plain = supernet.space, supernet.generator
    student, traces = counting(plain)
    classes = search_classes(
        supernet,
        int(settings.budget),
        settings.evolution,
        settings.pictures,
        networks.config.seed,
    )
    archs = affordable(networks, candidates)
    params, x = random_params(plain.init), jax.device_put(networks.pictures(pictures))
    generate = make_generate(student, classes, settings.batch)
    many = make_generate(plain, classes, 8 * pictures)
    whole = make_generate(plain, ShapeClasses(space, (space.largest,)), settings.batch)
    loop, specialise = _masked_loop(supernet), _specialise(supernet)

    calls = {
        "shape classes": timed(lambda: list(generate(params, x, archs))),
        "specialised": timed(lambda: [specialise(params, x, arch) for arch in archs]),
        "shape classes, eight in a call": timed(lambda: list(many(params, x, archs))),
        "full width": timed(lambda: list(whole(params, x, archs))),
        "Python loop of masks": timed(lambda: [loop(params, x, arch) for arch in archs]),
    }
    first = {name: call() for name, call in calls.items()}
    calls["product"] = make_product(product)
    seconds = medians(calls, repeats)
    rate = product**3 / seconds["product"]
    speed = {name: candidates / seconds[name] for name in calls} | {
        f"{name}, compiling": candidates / first[name] for name in ("shape classes", "specialised")
    }
    floor = candidates * rate / (pictures * sum(map(supernet.true_macs, archs)))
    for name in sorted(speed.keys() - {"product"}):
        yield Row(f"search: {name}", "candidates/s", speed[name], floor)

    _evolve(networks, make_evaluate(generate, params, x, lambda image: float(image.mean())))
    yield Row(
        "traces, search", "traces", sum(traces.values()), len(traces),
        note=f"an evolution after {candidates * (repeats + 2)} candidates, {len(traces)} classes",
    )  # fmt: skip
    ours = speed["shape classes"]
    yield Row(
        "search: speed over full-width masks", "times", ours / speed["full width"],
        aim=">= 3",
    )  # fmt: skip
    yield Row(
        "search: speed over specialising with compiles", "times",
        speed["shape classes, compiling"] / speed["specialised, compiling"], aim=">= 5",
        note="both with their compilations",
    )  # fmt: skip
    yield Row("search: time / floor", "times", floor / ours, aim="<= 2")


def affordable(networks: Networks, count: int) -> list[Arch]:
    """Different architectures within the budget, drawn as a search draws its first generation."""
    supernet, settings = networks.supernet, networks.config.search
    rng, budget = np.random.default_rng([networks.config.seed, 4]), int(settings.budget)
    found: dict[Arch, None] = {}
    for _ in range(100):
        drawn = draw_within(rng, supernet.space, supernet.macs, budget, settings.evolution, count)
        found |= dict.fromkeys(drawn)
        if len(found) >= count:
            break
    return list(found)[:count]


def _masked_loop(supernet: Supernet) -> Callable:
    apply = supernet.generator.apply
    compiled = jax.jit(lambda params, x, masks: apply(params, x, masks=masks).image)
    return lambda params, x, arch: compiled(params, x, supernet.masks(arch))


def _specialise(supernet: Supernet) -> Callable:
    apply = supernet.generator.apply
    compiled = jax.jit(lambda params, x, widths: apply(params, x, widths=widths).image,
                       static_argnames="widths")  # fmt: skip

    def specialise(params, x, arch: Arch):
        small = supernet.cut(params, arch).params
        return compiled(small, x, widths=supernet.space.widths(arch))

    return specialise


def _evolve(networks: Networks, evaluate) -> None:
    supernet, settings = networks.supernet, networks.config.search
    rng, budget = np.random.default_rng([networks.config.seed, 3]), int(settings.budget)
    evolve(rng, supernet.space, evaluate, supernet.macs, budget, settings.evolution)
