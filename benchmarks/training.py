"""Training steps of a teacher and of a supernet, each beside its floor."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.instruments import Row, make_product, medians, random_params
from benchmarks.networks import Networks
from ganc.methods import adversarial
from ganc.methods import once_for_all as ofa
from ganc.methods.update import begin
from ganc.metrics.latency import Timed, timed
from ganc.search.classes import ShapeClasses
from ganc.search.plan import training_classes
from ganc.types import Arch, Generator, Params


def counting(generator: Generator) -> tuple[Generator, Counter]:
    """The generator, and a counter of how often Python traced it, by widths."""
    traces: Counter = Counter()

    def apply(params, x, **options):
        traces[options.get("widths")] += 1
        return generator.apply(params, x, **options)

    return dataclasses.replace(generator, apply=apply), traces


def optimizers() -> dict[str, optax.GradientTransformation]:
    """Adam for both players, as published."""
    return dict.fromkeys(("generator", "discriminator"), optax.adam(2e-4, b1=0.5, b2=0.999))


def supernet_params(method: ofa.OnceForAll) -> Params:
    """Random parameters of everything that once-for-all training trains."""
    return random_params(lambda key: ofa.init(method, key, optimizers()).params)


def classes_of(networks: Networks) -> ShapeClasses:
    """The shape classes that a training of this configuration compiles."""
    config = networks.config
    return training_classes(networks.supernet, config.supernet.pictures, config.seed)


def make_supernet_step(networks: Networks, student: Generator) -> Callable[[int], object]:
    """`step(index)`: a training step on random pictures; the architecture is that of `index`."""
    method = ofa.OnceForAll(networks.task, student, networks.teacher)
    teacher, seed = random_params(networks.teacher.init), networks.config.seed
    step = ofa.make_step(method, optimizers(), teacher, classes_of(networks), seed=seed)
    count = networks.config.supernet.batch
    batch = jax.device_put({d: networks.pictures(count, seed) for seed, d in enumerate("ab")})
    state = begin(supernet_params(method), optimizers())

    def run(index: int) -> object:
        nonlocal state
        state, scalars = step(state, batch, index)
        return state, scalars

    return run


def draws(networks: Networks, steps: int) -> list[Arch]:
    """The architectures of the first steps of supernet training."""
    space, seed = networks.supernet.space, networks.config.seed
    return [ofa.draw(space, "uniform", seed, i)[0] for i in range(steps)]


def training(networks: Networks, steps: int, repeats: int, product: int) -> Iterator[Row]:
    """A step of the teacher, steps of the supernet, and the traces of the latter."""
    student, traces = counting(networks.supernet.generator)
    step, config = make_supernet_step(networks, student), networks.config
    calls: dict[Any, Timed] = {"product": make_product(product), "teacher": _teacher(networks)}
    calls |= {i: timed(lambda i=i: step(i)) for i in range(steps)}
    seconds = medians(calls, repeats)
    rate = product**3 / seconds["product"]

    count = config.train_teacher.batch
    macs = count * (3 * 6 * networks.teacher_macs + (2 * 2 + 3 * 4) * networks.judge_macs)
    yield Row("teacher step", "pictures/s", count / seconds["teacher"], count * rate / macs)

    archs, count = draws(networks, steps), config.supernet.batch
    macs = count * sum(map(networks.supernet_step_macs, archs))
    taken = sum(seconds[i] for i in range(steps))
    yield Row(
        "supernet step", "pictures/s", steps * count / taken, steps * count * rate / macs,
        note=f"mean over {steps} drawn architectures",
    )  # fmt: skip
    yield Row(
        "traces, supernet training", "traces", sum(traces.values()), len(traces),
        note=f"{steps * (repeats + 1)} steps in {len(traces)} classes",
    )  # fmt: skip


def _teacher(networks: Networks) -> Timed:
    asked, game = networks.config.train_teacher, networks.task.play(networks.teacher)
    step = adversarial.make_step(game, optimizers(), jax.random.key(0), average=asked.average)
    step = jax.jit(step, donate_argnums=0)
    pictures = {d: networks.pictures(asked.batch, seed) for seed, d in enumerate("ab")}
    batch = jax.device_put(pictures)

    def init(key):
        shape = networks.supernet.shape
        return adversarial.init(game, key, optimizers(), shape, average=asked.average)

    shapes = jax.eval_shape(init, jax.random.key(0))
    state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)  # as Adam begins
    state = state._replace(params=random_params(lambda key: init(key).params))

    def call():
        nonlocal state
        state, scalars = step(state, batch, 0)
        return state, scalars

    return timed(call)


def masked_step(networks: Networks, repeats: int) -> Iterator[Row]:
    """The generator's gradient in a shape class, with masks and without."""
    space, student = networks.supernet.space, networks.supernet.generator
    method = ofa.OnceForAll(networks.task, student, networks.teacher)
    classes = classes_of(networks).classes
    shape = space.widths(classes[len(classes) // 2])
    players = ofa.make_players(method)
    gradient = jax.jit(players.generator, static_argnames="shape")
    params = supernet_params(method)
    batch = jax.device_put({"a": networks.pictures(networks.config.supernet.batch)})
    inputs = networks.task.inputs(batch, jax.random.key(0))
    target = jax.jit(players.target)(random_params(networks.teacher.init), batch, inputs)
    masks = {g: m[0] for g, m in space.masks([space.smallest], shape).items()}
    calls = {
        name: timed(lambda m=m: gradient(params, target, batch, inputs, m, shape=shape))
        for name, m in {"masked": masks, "unmasked": None}.items()
    }
    seconds = medians(calls, 4 * repeats)
    yield Row(
        "masked / unmasked generator gradient", "times", seconds["masked"] / seconds["unmasked"],
        aim="<= 1.15", note=f"{1e3 * seconds['masked']:.1f} ms, same shape",
    )  # fmt: skip
