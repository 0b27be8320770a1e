"""What `experiments.benchmarks` measures of ganc itself, each beside its floor."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments import _ofa, cyclegan_ofa
from experiments._instruments import (
    Row,
    Setup,
    Timed,
    make_product,
    random_params,
    take_turns,
    timed,
)
from ganc import channels
from ganc.methods import once_for_all as ofa
from ganc.search.candidates import make_evaluate, make_generate
from ganc.search.classes import ShapeClasses
from ganc.search.evolution import draw_within, evolve
from ganc.tasks import cyclegan
from ganc.types import Arch, Generator, Params


def counting(generator: Generator) -> tuple[Generator, Counter]:
    """The generator, and a counter of how often Python traced it, by widths."""
    traces: Counter = Counter()

    def apply(params, x, **options):
        traces[options.get("widths")] += 1
        return generator.apply(params, x, **options)

    return dataclasses.replace(generator, apply=apply), traces


def supernet_params(method: ofa.OnceForAll) -> Params:
    """Random parameters of everything that once-for-all training trains."""
    return random_params(lambda key: ofa.init(method, key, optax.sgd(1.0)).params)


def make_supernet_step(
    setup: Setup, config: cyclegan_ofa.Config, student: Generator
) -> Callable[[int], object]:
    """`step(index)`: a training step on random pictures; the architecture is that of `index`."""
    method = ofa.OnceForAll(student, setup.teacher, setup.discriminator)
    optimizer = optax.adam(2e-4, b1=0.5, b2=0.999)
    classes = _ofa.training_classes(
        setup.space, setup.student, setup.size, config.supernet, config.seed
    )
    teacher = random_params(setup.teacher.init)
    step = ofa.make_step(method, optimizer, teacher, classes, seed=config.seed)
    count = config.supernet.batch
    batch = jax.device_put({d: setup.pictures(count, seed) for seed, d in enumerate("ab")})
    state = ofa.restart(supernet_params(method), optimizer)

    def run(index: int) -> object:
        nonlocal state
        state, scalars = step(state, batch, index)
        return state, scalars

    return run


def draws(setup: Setup, config: cyclegan_ofa.Config, steps: int) -> list[Arch]:
    """The architectures of the first steps of supernet training."""
    return [ofa.draw(setup.space, "uniform", config.seed, i)[0] for i in range(steps)]


def training(
    setup: Setup, config: cyclegan_ofa.Config, steps: int, repeats: int, product: int
) -> Iterator[Row]:
    """A step of the teacher, steps of the supernet, and the traces of the latter."""
    student, traces = counting(setup.student)
    step = make_supernet_step(setup, config, student)
    calls: dict[Any, Timed] = {"product": make_product(product), "teacher": _teacher(setup, config)}
    calls |= {i: timed(lambda i=i: step(i)) for i in range(steps)}
    seconds = take_turns(calls, repeats)
    rate = product**3 / seconds["product"]

    count = config.train_teacher.batch
    macs = count * (3 * 6 * setup.macs(setup.teacher) + (2 * 2 + 3 * 4) * setup.judge_macs())
    yield Row("teacher step", "pictures/s", count / seconds["teacher"], count * rate / macs)

    archs, count = draws(setup, config, steps), config.supernet.batch
    macs = count * sum(map(setup.supernet_step_macs, archs))
    taken = sum(seconds[i] for i in range(steps))
    yield Row(
        "supernet step", "pictures/s", steps * count / taken, steps * count * rate / macs,
        note=f"mean over {steps} drawn architectures",
    )  # fmt: skip
    yield Row(
        "traces, supernet training", "traces", sum(traces.values()), len(traces),
        note=f"{steps * (repeats + 1)} steps in {len(traces)} classes",
    )  # fmt: skip


def _teacher(setup: Setup, config: cyclegan_ofa.Config) -> Timed:
    asked = config.train_teacher
    task = cyclegan.CycleGan(setup.teacher, setup.discriminator, average=asked.average)
    optimizer = optax.adam(2e-4, b1=0.5, b2=0.999)
    step = jax.jit(cyclegan.make_step(task, optimizer), donate_argnums=0)
    batch = jax.device_put({d: setup.pictures(asked.batch, seed) for seed, d in enumerate("ab")})
    shapes = jax.eval_shape(lambda: cyclegan.init(task, jax.random.key(0), optimizer, setup.size))
    state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)  # as Adam begins
    params = random_params(lambda key: cyclegan.init(task, key, optimizer, setup.size).params)
    state = state._replace(params=params)

    def call():
        nonlocal state
        state, scalars = step(state, batch, jax.random.key(0))
        return state, scalars

    return timed(call)


def masked_step(setup: Setup, config: cyclegan_ofa.Config, repeats: int) -> Iterator[Row]:
    """The generator's gradient in a shape class, with masks and without."""
    method = ofa.OnceForAll(setup.student, setup.teacher, setup.discriminator)
    classes = _ofa.training_classes(
        setup.space, setup.student, setup.size, config.supernet, config.seed
    ).classes
    shape = setup.space.widths(classes[len(classes) // 2])
    players = ofa.make_players(method)
    gradient = jax.jit(players.generator, static_argnames="shape")
    params = supernet_params(method)
    a = jax.device_put(setup.pictures(config.supernet.batch))
    target = jax.jit(players.target)(random_params(setup.teacher.init), a)
    masks = {g: m[0] for g, m in setup.space.masks([setup.space.smallest], shape).items()}
    calls = {
        name: timed(lambda m=m: gradient(params, target, a, m, shape=shape))
        for name, m in {"masked": masks, "unmasked": None}.items()
    }
    seconds = take_turns(calls, 4 * repeats)
    yield Row(
        "masked / unmasked generator gradient", "times", seconds["masked"] / seconds["unmasked"],
        aim="<= 1.15", note=f"{1e3 * seconds['masked']:.1f} ms, same shape",
    )  # fmt: skip


def search(
    setup: Setup,
    config: cyclegan_ofa.Config,
    candidates: int,
    pictures: int,
    repeats: int,
    product: int,
) -> Iterator[Row]:
    """Forward passes of one list of candidates, by every way to run them."""
    space, seed, settings = setup.space, config.seed, config.search
    student, traces = counting(setup.student)
    classes = _ofa.search_classes(space, setup.student, setup.size, settings, seed)
    archs = candidates_of(setup, config, candidates)
    params, x = random_params(setup.student.init), jax.device_put(setup.pictures(pictures))
    largest = ShapeClasses(space, (space.largest,))
    generate = make_generate(student, classes, settings.batch)
    many = make_generate(setup.student, classes, 8 * pictures)
    whole = make_generate(setup.student, largest, settings.batch)
    loop = _masked_loop(setup)
    specialise = _specialise(setup)

    calls = {
        "shape classes": timed(lambda: list(generate(params, x, archs))),
        "specialised": timed(lambda: [specialise(params, x, arch) for arch in archs]),
        "shape classes, eight in a call": timed(lambda: list(many(params, x, archs))),
        "full width": timed(lambda: list(whole(params, x, archs))),
        "Python loop of masks": timed(lambda: [loop(params, x, arch) for arch in archs]),
    }
    first = {name: call() for name, call in calls.items()}
    calls["product"] = make_product(product)
    seconds = take_turns(calls, repeats)
    rate = product**3 / seconds["product"]
    speed = {name: candidates / seconds[name] for name in calls} | {
        f"{name}, compiling": candidates / first[name] for name in ("shape classes", "specialised")
    }
    floor = candidates * rate / (pictures * sum(setup.macs(setup.student, a) for a in archs))
    for name in sorted(speed.keys() - {"product"}):
        yield Row(f"search: {name}", "candidates/s", speed[name], floor)

    _evolve(setup, config, make_evaluate(generate, params, x, lambda image: float(image.mean())))
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


def candidates_of(setup: Setup, config: cyclegan_ofa.Config, count: int) -> list[Arch]:
    """Different architectures within the budget, drawn as a search draws its first generation."""
    macs = _ofa.macs_of(setup.space, setup.student, setup.size)
    rng, settings = np.random.default_rng([config.seed, 4]), config.search
    found: dict[Arch, None] = {}
    for _ in range(100):
        drawn = draw_within(rng, setup.space, macs, int(settings.budget), settings.evolution, count)
        found |= dict.fromkeys(drawn)
        if len(found) >= count:
            break
    return list(found)[:count]


def _masked_loop(setup: Setup) -> Callable:
    compiled = jax.jit(lambda params, x, masks: setup.student.apply(params, x, masks=masks).image)

    def forward(params, x, arch: Arch):
        return compiled(
            params,
            x,
            channels.masks(channels.prefix(setup.space.widths(arch)), setup.student.widths),
        )

    return forward


def _specialise(setup: Setup) -> Callable:
    apply = setup.student.apply
    compiled = jax.jit(lambda params, x, widths: apply(params, x, widths=widths).image,
                       static_argnames="widths")  # fmt: skip

    def specialise(params, x, arch: Arch):
        widths = setup.space.widths(arch)
        small = channels.slice_params(params, setup.student.axes, channels.prefix(widths))
        return compiled(small, x, widths=widths)

    return specialise


def _evolve(setup: Setup, config: cyclegan_ofa.Config, evaluate) -> None:
    evolve(
        np.random.default_rng([config.seed, 3]),
        setup.space,
        evaluate,
        _ofa.macs_of(setup.space, setup.student, setup.size),
        int(config.search.budget),
        config.search.evolution,
    )


def latency(setup: Setup, arch: Arch, repeats: int, product: int) -> Iterator[Row]:
    """One picture through the teacher and through a specialised student."""
    calls = {"product": make_product(product)} | forwards(setup, arch)
    seconds = take_turns(calls, 10 * repeats)
    rate = product**3 / seconds["product"]
    macs = {"teacher": setup.macs(setup.teacher), "student": setup.macs(setup.student, arch)}
    for name, count in macs.items():
        yield Row(f"latency, {name}", "ms", 1e3 * seconds[name], 1e3 * count / rate)
    fewer = macs["teacher"] / macs["student"]
    faster = seconds["teacher"] / seconds["student"]
    yield Row(
        "student's speed-up / its fewer multiply-adds", "times", faster / fewer, aim=">= 0.5",
        note=f"{faster:.1f} times faster, {fewer:.1f} times fewer",
    )  # fmt: skip


def forwards(setup: Setup, arch: Arch) -> dict[str, Timed]:
    """The calls of `latency`: compiled, for one picture."""
    x = jax.device_put(setup.pictures(1))
    params = {"teacher": random_params(setup.teacher.init)}
    full = random_params(setup.student.init)
    keep = channels.prefix(setup.space.widths(arch))
    params["student"] = channels.slice_params(full, setup.student.axes, keep)
    generators: Sequence[Generator] = (setup.teacher, setup.student)
    calls = {}
    for (name, p), generator in zip(params.items(), generators, strict=True):
        compiled = jax.jit(lambda p, x, g=generator: g.apply(p, x).image)
        calls[name] = timed(lambda f=compiled, p=p: f(p, x))
    return calls
